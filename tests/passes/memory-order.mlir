// RUN: tegula-opt %s --split-input-file --memory-order | FileCheck %s

// One class: the store comes after both loads, the last load after the store.
// CHECK-LABEL: func.func @one_class
// CHECK: %[[E:.*]] = tile.entry_token
// CHECK: %{{.*}}, %[[L0:.*]] = tile.load %arg0 after(%[[E]])
// CHECK: %{{.*}}, %[[L1:.*]] = tile.load %arg1 after(%[[E]])
// CHECK: %[[S:.*]] = tile.store %arg1, %{{.*}} after(%[[L0]], %[[L1]])
// CHECK: tile.load %arg0 after(%[[S]])
func.func @one_class(%p: !tile.ptr<f32>, %q: !tile.ptr<f32>) attributes {tile.kernel} {
  %x = tile.load %p : !tile.ptr<f32> -> f32
  %y = tile.load %q : !tile.ptr<f32> -> f32
  %s = arith.addf %x, %y : f32
  tile.store %q, %s : !tile.ptr<f32>, f32
  %z = tile.load %p : !tile.ptr<f32> -> f32
  tile.store %q, %z : !tile.ptr<f32>, f32
  return
}

// -----

// Disjoint arguments: the store of %q does not wait for the load of %p.
// CHECK-LABEL: func.func @disjoint
// CHECK: %[[E:.*]] = tile.entry_token
// CHECK: tile.load %arg0 after(%[[E]])
// CHECK: tile.store %arg1, %{{.*}} after(%[[E]])
func.func @disjoint(%p: !tile.ptr<f32>, %q: !tile.ptr<f32>) attributes {tile.kernel, tile.disjoint} {
  %x = tile.load %p : !tile.ptr<f32> -> f32
  tile.store %q, %x : !tile.ptr<f32>, f32
  return
}

// -----

// A loop that writes carries the class; the load after it waits for the loop.
// CHECK-LABEL: func.func @loop
// CHECK: %[[E:.*]] = tile.entry_token
// CHECK: %[[R:.*]] = scf.for {{.*}} iter_args(%[[T:.*]] = %[[E]]) -> (!tile.token)
// CHECK:   %[[S:.*]] = tile.store %arg0, %{{.*}} after(%[[T]])
// CHECK:   scf.yield %[[S]]
// CHECK: tile.load %arg0 after(%[[R]])
func.func @loop(%p: !tile.ptr<i32>, %n: i32) attributes {tile.kernel} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  scf.for %i = %c0 to %n step %c1 : i32 {
    tile.store %p, %i : !tile.ptr<i32>, i32
  }
  %x = tile.load %p : !tile.ptr<i32> -> i32
  tile.store %p, %x : !tile.ptr<i32>, i32
  return
}

// -----

// An ordered atomic joins every class, a relaxed one only its own.
// CHECK-LABEL: func.func @atomics
// CHECK: %[[E:.*]] = tile.entry_token
// CHECK: %{{.*}}, %[[A:.*]] = tile.atomic_rmw add %arg0, %arg2 after(%[[E]]) acq_rel
// CHECK: %{{.*}}, %[[B:.*]] = tile.atomic_rmw add %arg0, %arg2 after(%[[A]]) relaxed
// CHECK: tile.load %arg1 after(%[[A]])
func.func @atomics(%p: !tile.ptr<i32>, %q: !tile.ptr<i32>, %v: i32) attributes {tile.kernel, tile.disjoint} {
  %0 = tile.atomic_rmw add %p, %v acq_rel gpu : !tile.ptr<i32>, i32 -> i32
  %1 = tile.atomic_rmw add %p, %v relaxed gpu : !tile.ptr<i32>, i32 -> i32
  %x = tile.load %q : !tile.ptr<i32> -> i32
  tile.store %q, %x : !tile.ptr<i32>, i32
  return
}
