// RUN: tegula-opt %s --form-fma | FileCheck %s

// CHECK-LABEL: func.func @sum
// CHECK: math.fma %arg0, %arg1, %arg2
// CHECK-NOT: arith.mulf
func.func @sum(%a: f32, %b: f32, %c: f32) -> f32 {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %p, %c : f32
  return %s : f32
}

// CHECK-LABEL: func.func @difference
// CHECK: %[[N:.*]] = arith.negf %arg0
// CHECK: math.fma %[[N]], %arg1, %arg2
func.func @difference(%a: tensor<8xf16>, %b: tensor<8xf16>, %c: tensor<8xf16>) -> tensor<8xf16> {
  %p = arith.mulf %a, %b : tensor<8xf16>
  %s = arith.subf %c, %p : tensor<8xf16>
  return %s : tensor<8xf16>
}

// CHECK-LABEL: func.func @shared_product
// CHECK-NOT: math.fma
func.func @shared_product(%a: f32, %b: f32, %c: f32) -> (f32, f32) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %p, %c : f32
  return %p, %s : f32, f32
}
