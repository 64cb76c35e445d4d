// driver_api.c - a program of the CUDA driver API, for the emulated GPU
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// driver_api FILE...: each file holds the kernel `axpy` as PTX, as a fat binary or as a cubin. Prints a line for each part
// that is right and stops at the first that is not.

#include <cuda.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPECT_RESULT(expected, call)                                                                        \
  do {                                                                                                       \
    CUresult result_ = (call);                                                                               \
    if (result_ != (expected)) {                                                                             \
      const char *name_ = "?";                                                                               \
      cuGetErrorName(result_, &name_);                                                                       \
      printf("line %d: %s: %s\n", __LINE__, #call, name_);                                                   \
      exit(1);                                                                                               \
    }                                                                                                        \
  } while (0)
#define CHECK(call) EXPECT_RESULT(CUDA_SUCCESS, call)
#define EXPECT(condition)                                                                                    \
  do {                                                                                                       \
    if (!(condition)) {                                                                                      \
      printf("line %d: %s\n", __LINE__, #condition);                                                         \
      exit(1);                                                                                               \
    }                                                                                                        \
  } while (0)

enum { n = 1000 };

static void *contents(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file) {
    printf("%s cannot be read\n", path);
    exit(1);
  }
  char *data = calloc(1, 1 << 22);
  *size = fread(data, 1, (1 << 22) - 1, file);
  fclose(file);
  return data;
}

static void launch(CUfunction f, const char *path) {
  float x[n], y[n];
  for (int i = 0; i < n; i++) {
    x[i] = i;
    y[i] = 2 * i;
  }
  CUdeviceptr dx, dy;
  CHECK(cuMemAlloc(&dx, sizeof x));
  CHECK(cuMemAlloc(&dy, sizeof y));
  CHECK(cuMemcpyHtoD(dx, x, sizeof x));
  CHECK(cuMemcpyHtoD(dy, y, sizeof y));
  float a = 3;
  int count = n;
  void *arguments[] = {&a, &dx, &dy, &count};
  CHECK(cuLaunchKernel(f, 8, 1, 1, 128, 1, 1, 0, 0, arguments, 0));
  // Once more, the arguments as one buffer.
  struct {
    float a;
    CUdeviceptr x, y;
    int count;
  } packed = {1, dx, dy, n};
  size_t size = sizeof packed;
  void *extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, &packed, CU_LAUNCH_PARAM_BUFFER_SIZE, &size,
                   CU_LAUNCH_PARAM_END};
  CHECK(cuLaunchKernel(f, 8, 1, 1, 128, 1, 1, 0, 0, 0, extra));
  CHECK(cuMemcpyDtoH(y, dy, sizeof y));
  for (int i = 0; i < n; i++)
    EXPECT(y[i] == 6 * i);
  CHECK(cuMemFree(dx));
  CHECK(cuMemFree(dy));
  EXPECT_RESULT(CUDA_ERROR_INVALID_VALUE, cuMemcpyHtoD(dy, y, sizeof y)); // no memory any more
  EXPECT_RESULT(CUDA_ERROR_INVALID_VALUE, cuLaunchKernel(f, 0, 1, 1, 128, 1, 1, 0, 0, arguments, 0));
  EXPECT_RESULT(CUDA_ERROR_INVALID_VALUE, cuLaunchKernel(f, 1, 1, 1, 1, 1, 128, 0, 0, arguments, 0));
  printf("launches from %s\n", strrchr(path, '.') + 1);
}

static void modules(const char *path) {
  size_t size;
  void *image = contents(path, &size);
  CUmodule module;
  CUfunction f;
  CHECK(cuModuleLoadData(&module, image));
  CHECK(cuModuleGetFunction(&f, module, "axpy"));
  EXPECT_RESULT(CUDA_ERROR_NOT_FOUND, cuModuleGetFunction(&f, module, "no_such_kernel"));
  launch(f, path);
  CHECK(cuModuleUnload(module));
  EXPECT_RESULT(CUDA_ERROR_INVALID_HANDLE, cuModuleGetFunction(&f, module, "axpy"));
  CHECK(cuModuleLoad(&module, path));
  CHECK(cuModuleUnload(module));
  CUlibrary library;
  CUkernel kernel;
  unsigned kernels = 0;
  CHECK(cuLibraryLoadData(&library, image, 0, 0, 0, 0, 0, 0));
  CHECK(cuLibraryGetKernelCount(&kernels, library));
  EXPECT(kernels == 1);
  CHECK(cuLibraryGetKernel(&kernel, library, "axpy"));
  CHECK(cuKernelGetFunction(&f, kernel));
  size_t offset, bytes;
  CHECK(cuKernelGetParamInfo(kernel, 2, &offset, &bytes));
  EXPECT(offset == 16 && bytes == 8);
  CHECK(cuLibraryUnload(library));
  free(image);
}

static void linking(const char *path) {
  // Two texts with a private name in common; the second calls what the first defines.
  static char one[] = ".version 7.0\n.target sm_75\n.address_size 64\n"
                      ".global .align 4 .u32 hidden = 40;\n"
                      ".visible .func (.param .u32 r) first() {\n.reg .u32 %v;\nld.global.u32 %v, [hidden];\n"
                      "st.param.u32 [r], %v;\nret;\n}\n";
  static char two[] = ".version 7.0\n.target sm_75\n.address_size 64\n"
                      ".extern .func (.param .u32 r) first();\n"
                      ".global .align 4 .u32 hidden = 2;\n"
                      ".visible .entry both(.param .u64 p) {\n.reg .u32 %v, %w;\n.reg .u64 %a;\n"
                      "{\n.param .u32 r0;\ncall (r0), first;\nld.param.u32 %v, [r0];\n}\n"
                      "ld.global.u32 %w, [hidden];\nadd.u32 %v, %v, %w;\nld.param.u64 %a, [p];\n"
                      "cvta.to.global.u64 %a, %a;\nst.global.u32 [%a], %v;\nret;\n}\n";
  CUlinkState state;
  CHECK(cuLinkCreate(0, 0, 0, &state));
  CHECK(cuLinkAddData(state, CU_JIT_INPUT_PTX, one, sizeof one, "one", 0, 0, 0));
  CHECK(cuLinkAddData(state, CU_JIT_INPUT_PTX, two, sizeof two, "two", 0, 0, 0));
  CHECK(cuLinkAddFile(state, CU_JIT_INPUT_PTX, path, 0, 0, 0));
  void *cubin;
  size_t size;
  CHECK(cuLinkComplete(state, &cubin, &size));
  EXPECT(size > 4 && !memcmp(cubin, "\177ELF", 4));
  CUmodule module;
  CHECK(cuModuleLoadData(&module, cubin));
  CHECK(cuLinkDestroy(state));
  CUfunction f;
  CHECK(cuModuleGetFunction(&f, module, "axpy"));
  CHECK(cuModuleGetFunction(&f, module, "both"));
  CUdeviceptr d;
  CHECK(cuMemAllocManaged(&d, 4, CU_MEM_ATTACH_GLOBAL));
  void *arguments[] = {&d};
  CHECK(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, 0, arguments, 0));
  CHECK(cuCtxSynchronize());
  EXPECT(*(int *)d == 42);
  // An error of the compiler is in the log.
  static char wrong[] =
      ".version 7.0\n.target sm_75\n.address_size 64\n.visible .entry k() {\nnonsense.u32 %r1;\n}\n";
  char log[1000] = "";
  CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
  void *values[] = {log, (void *)sizeof log};
  EXPECT(cuModuleLoadDataEx(&module, wrong, 2, options, values) != CUDA_SUCCESS);
  EXPECT(strstr(log, "nonsense") && (size_t)values[1] == strlen(log));
  puts("linking");
}

static void contexts(CUdevice device) {
  CUcontext primary, made, now;
  CHECK(cuCtxGetCurrent(&primary));
  CHECK(cuCtxCreate(&made, 0, CU_CTX_SCHED_YIELD, device));
  CHECK(cuCtxGetCurrent(&now));
  EXPECT(now == made);
  unsigned flags, version;
  CHECK(cuCtxGetFlags(&flags));
  EXPECT(flags == CU_CTX_SCHED_YIELD);
  CHECK(cuCtxGetApiVersion(made, &version));
  size_t heap;
  CHECK(cuCtxSetLimit(CU_LIMIT_MALLOC_HEAP_SIZE, 1 << 24));
  CHECK(cuCtxGetLimit(&heap, CU_LIMIT_MALLOC_HEAP_SIZE));
  EXPECT(heap == 1 << 24);
  CHECK(cuCtxPopCurrent(&now));
  EXPECT(now == made);
  CHECK(cuCtxGetCurrent(&now));
  EXPECT(now == primary);
  CHECK(cuCtxDestroy(made));
  EXPECT_RESULT(CUDA_ERROR_INVALID_CONTEXT, cuCtxSetCurrent(made));
  puts("contexts");
}

static void pointers(void) {
  CUdeviceptr d, base;
  size_t size;
  CHECK(cuMemAlloc(&d, 4096));
  CHECK(cuMemGetAddressRange(&base, &size, d + 100));
  EXPECT(base == d && size == 4096);
  CUmemorytype type;
  CHECK(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, d + 8));
  EXPECT(type == CU_MEMORYTYPE_DEVICE);
  EXPECT_RESULT(CUDA_ERROR_INVALID_VALUE,
                cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, (CUdeviceptr)&d));
  char *host;
  CHECK(cuMemHostAlloc((void **)&host, 100, CU_MEMHOSTALLOC_DEVICEMAP));
  CHECK(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, (CUdeviceptr)host));
  EXPECT(type == CU_MEMORYTYPE_HOST);
  static char own[8192];
  CHECK(cuMemHostRegister(own, sizeof own, 0));
  EXPECT_RESULT(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED, cuMemHostRegister(own, 16, 0));
  CHECK(cuMemsetD32(d, 0x01020304, 1024));
  CHECK(cuMemcpyDtoHAsync(own, d, 4096, CU_STREAM_PER_THREAD));
  CHECK(cuStreamSynchronize(CU_STREAM_PER_THREAD));
  EXPECT(own[0] == 4 && own[4095] == 1 && own[4096] == 0);
  CHECK(cuMemHostUnregister(own));
  EXPECT_RESULT(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED, cuMemHostUnregister(own));
  CHECK(cuMemFreeHost(host));
  size_t before, after, total;
  CHECK(cuMemGetInfo(&before, &total));
  CHECK(cuMemFree(d));
  CHECK(cuMemGetInfo(&after, &total));
  EXPECT(after == before + 4096 && total >= after);
  EXPECT_RESULT(CUDA_ERROR_OUT_OF_MEMORY, cuMemAlloc(&d, total + 1));
  puts("pointers");
}

static void functions(void) {
  void *f;
  CUdriverProcAddressQueryResult found;
  CHECK(cuGetProcAddress("cuMemAlloc", &f, 13000, CU_GET_PROC_ADDRESS_DEFAULT, &found));
  EXPECT(f == (void *)cuMemAlloc && found == CU_GET_PROC_ADDRESS_SUCCESS);
  EXPECT_RESULT(CUDA_ERROR_NOT_FOUND,
                cuGetProcAddress("cuMemAlloc", &f, 1000, CU_GET_PROC_ADDRESS_DEFAULT, &found));
  EXPECT(!f && found == CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT);
  EXPECT_RESULT(CUDA_ERROR_NOT_FOUND,
                cuGetProcAddress("cuNothing", &f, 13000, CU_GET_PROC_ADDRESS_DEFAULT, &found));
  EXPECT(found == CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND);
  CHECK(cuGetProcAddress("cuMemcpyAsync", &f, 13000, CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM, &found));
  EXPECT(f != (void *)cuMemcpyAsync);
  const char *text;
  CHECK(cuGetErrorString(CUDA_ERROR_OUT_OF_MEMORY, &text));
  EXPECT(!strcmp(text, "out of memory"));
  EXPECT_RESULT(CUDA_ERROR_INVALID_VALUE, cuGetErrorString((CUresult)12345, &text));
  CUgraph graph; // what is not implemented says so
  EXPECT_RESULT(CUDA_ERROR_NOT_SUPPORTED, cuGraphCreate(&graph, 0));
  puts("functions");
}

int main(int argc, char **argv) {
  CUdevice device;
  EXPECT_RESULT(CUDA_ERROR_NOT_INITIALIZED, cuDeviceGet(&device, 0));
  CHECK(cuInit(0));
  CHECK(cuDeviceGet(&device, 0));
  EXPECT_RESULT(CUDA_ERROR_INVALID_DEVICE, cuDeviceGet(&device, 1));
  CUcontext context;
  EXPECT_RESULT(CUDA_ERROR_INVALID_CONTEXT, cuCtxSynchronize());
  CHECK(cuDevicePrimaryCtxRetain(&context, device));
  CHECK(cuCtxSetCurrent(context));
  functions();
  pointers();
  contexts(device);
  for (int k = 1; k < argc; k++)
    modules(argv[k]);
  linking(argv[1]);
  return 0;
}
