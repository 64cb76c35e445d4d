// Virtual functions, pointers to functions, tables of them, and a jump table.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

struct Shape {
  __device__ virtual float area() const = 0;
  __device__ virtual ~Shape() {}
};
struct Square : Shape {
  float side;
  __device__ explicit Square(float s) : side(s) {}
  __device__ float area() const override { return side * side; }
};
struct Circle : Shape {
  float radius;
  __device__ explicit Circle(float r) : radius(r) {}
  __device__ float area() const override { return 3.0f * radius * radius; }
};

extern "C" __global__ void areas(float *out) {
  Shape *shape = threadIdx.x % 3 ? static_cast<Shape *>(new Square(float(threadIdx.x)))
                                 : static_cast<Shape *>(new Circle(float(threadIdx.x)));
  out[threadIdx.x] = shape->area();
  delete shape;
}

using Operation = int (*)(int, int);
__device__ __noinline__ int add(int a, int b) { return a + b; }
__device__ __noinline__ int subtract(int a, int b) { return a - b; }
__device__ __noinline__ int multiply(int a, int b) { return a * b; }
__device__ Operation table[3] = {add, subtract, multiply};

extern "C" __global__ void through_table(const int *which, int *out) {
  out[threadIdx.x] = table[which[threadIdx.x]](threadIdx.x, 7);
}

extern "C" __global__ void chosen(int *out, int n) {
  Operation f = n > 2 ? multiply : add;
  if (threadIdx.x % 2)
    f = subtract;
  out[threadIdx.x] = f(threadIdx.x, n);
}

extern "C" __global__ void jump_table(const int *which, int *out) {
  int x = threadIdx.x;
  switch (which[threadIdx.x]) {
  case 0: x = x * 3 + 1; break;
  case 1: x = x / 3; break;
  case 2: x = x ^ 0x55; break;
  case 3: x = -x; // falls through
  case 4: x = x + 100; break;
  case 5: x = x % 7; break;
  case 6: x = x << 3; break;
  case 7: x = __popc(x); break;
  case 8: x = x * x; break;
  default: x = -1;
  }
  out[threadIdx.x] = x;
}
