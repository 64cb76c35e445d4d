// RUN: tegula-opt %s --canonicalize --split-input-file | FileCheck %s

// A splat of a constant is a constant, and moving it leaves it one.
// CHECK-LABEL: func.func @splat
// CHECK: %[[C:.*]] = arith.constant dense<3> : tensor<4x8xi32>
// CHECK: return %[[C]]
func.func @splat() -> tensor<4x8xi32> {
  %c3 = arith.constant 3 : i32
  %s = tile.splat %c3 : i32 -> tensor<8xi32>
  %e = tile.expand_dims %s at 0 : tensor<8xi32> -> tensor<1x8xi32>
  %b = tile.broadcast %e : tensor<1x8xi32> -> tensor<4x8xi32>
  return %b : tensor<4x8xi32>
}

// -----

// Shape operations on the splat of a scalar are the splat in the last shape.
// CHECK-LABEL: func.func @splat_of_scalar
// CHECK: %[[S:.*]] = tile.splat %arg0 : f32 -> tensor<32xf32>
// CHECK: return %[[S]]
func.func @splat_of_scalar(%x: f32) -> tensor<32xf32> {
  %s = tile.splat %x : f32 -> tensor<4x8xf32>
  %t = tile.trans %s by [1, 0] : tensor<4x8xf32> -> tensor<8x4xf32>
  %r = tile.reshape %t : tensor<8x4xf32> -> tensor<32xf32>
  return %r : tensor<32xf32>
}

// -----

// CHECK-LABEL: func.func @nested
// CHECK: %[[R:.*]] = tile.reshape %arg0 : tensor<4x8xf32> -> tensor<2x16xf32>
// CHECK: return %[[R]], %arg0, %arg0
func.func @nested(%x: tensor<4x8xf32>) -> (tensor<2x16xf32>, tensor<4x8xf32>, tensor<4x8xf32>) {
  %a = tile.reshape %x : tensor<4x8xf32> -> tensor<32xf32>
  %b = tile.reshape %a : tensor<32xf32> -> tensor<2x16xf32>
  %t = tile.trans %x by [1, 0] : tensor<4x8xf32> -> tensor<8x4xf32>
  %u = tile.trans %t by [1, 0] : tensor<8x4xf32> -> tensor<4x8xf32>
  %c = tile.broadcast %x : tensor<4x8xf32> -> tensor<4x8xf32>
  return %b, %u, %c : tensor<2x16xf32>, tensor<4x8xf32>, tensor<4x8xf32>
}

// -----

// CHECK-LABEL: func.func @addptr_zero
// CHECK-NEXT: return %arg0
func.func @addptr_zero(%p: tensor<8x!tile.ptr<f32>>) -> tensor<8x!tile.ptr<f32>> {
  %z = arith.constant dense<0> : tensor<8xi32>
  %q = tile.addptr %p, %z : tensor<8x!tile.ptr<f32>>, tensor<8xi32>
  return %q : tensor<8x!tile.ptr<f32>>
}

// -----

// A load whose value is not used goes; a volatile one and a store stay.
// CHECK-LABEL: func.func @effects
// CHECK-NEXT: tile.load %arg0 {is_volatile}
// CHECK-NEXT: tile.store %arg0, %arg1
// CHECK-NEXT: return
func.func @effects(%p: !tile.ptr<f32>, %x: f32) {
  %a = tile.load %p : !tile.ptr<f32> -> f32
  %b = tile.load %p {is_volatile} : !tile.ptr<f32> -> f32
  tile.store %p, %x : !tile.ptr<f32>, f32
  return
}
