// RUN: tegula-opt %s --split-input-file --print-axis-info -o %t.mlir | FileCheck %s

// The addresses and masks of a matrix product: rows that start anew at M, a loop over K.
// CHECK-LABEL: matmul
func.func @matmul(%a_ptr: !tile.ptr<f16> {tile.divisibility = 16 : i32}, %M: i32 {tile.divisibility = 16 : i32},
                  %K: i32 {tile.divisibility = 16 : i32}, %sam: i32 {tile.divisibility = 16 : i32})
    attributes {tile.kernel} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c63 = arith.constant 63 : i32
  %c64 = arith.constant 64 : i32
  %c128 = arith.constant 128 : i32
  %zeros = arith.constant dense<0.0> : tensor<128x64xf16>
  %step = arith.constant dense<64> : tensor<128x64xi32>
  %pm = tile.program_id 0
  %first = arith.muli %pm, %c128 : i32
  %range = tile.make_range 0 to 128 : tensor<128xi32>
  %firsts = tile.splat %first : i32 -> tensor<128xi32>
  // CHECK: %[[RM:.*]]: tensor<128xi32> along 0: 128, +1, %128
  %rm = arith.addi %firsts, %range : tensor<128xi32>
  %Ms = tile.splat %M : i32 -> tensor<128xi32>
  // CHECK: tensor<128xi32> [-2147483647, 2147483647] along 0: 1 usually along 0: 16, +1, %16
  %rw = arith.remsi %rm, %Ms : tensor<128xi32>
  %rows = tile.expand_dims %rw at 1 : tensor<128xi32> -> tensor<128x1xi32>
  %strides = tile.splat %sam : i32 -> tensor<128x1xi32>
  %ro = arith.muli %rows, %strides : tensor<128x1xi32>
  %bases = tile.splat %a_ptr : !tile.ptr<f16> -> tensor<128x1x!tile.ptr<f16>>
  %rp = tile.addptr %bases, %ro : tensor<128x1x!tile.ptr<f16>>, tensor<128x1xi32>
  %rk = tile.make_range 0 to 64 : tensor<64xi32>
  %row = tile.expand_dims %rk at 0 : tensor<64xi32> -> tensor<1x64xi32>
  %rpb = tile.broadcast %rp : tensor<128x1x!tile.ptr<f16>> -> tensor<128x64x!tile.ptr<f16>>
  %rowb = tile.broadcast %row : tensor<1x64xi32> -> tensor<128x64xi32>
  // CHECK: tensor<128x64x!tile.ptr<f16>> %arg0 + [-4294967296, 4294967390] along 0: 1, %2; along 1: 64, +2, %16
  %a = tile.addptr %rpb, %rowb : tensor<128x64x!tile.ptr<f16>>, tensor<128x64xi32>
  %up = arith.addi %K, %c63 : i32
  %blocks = arith.divsi %up, %c64 : i32
  %end = scf.for %k = %c0 to %blocks step %c1 iter_args(%p = %a) -> (tensor<128x64x!tile.ptr<f16>>) : i32 {
    %done = arith.muli %k, %c64 : i32
    // CHECK: %[[LEFT:.*]]: i32 {{.*}}%16
    %left = arith.subi %K, %done : i32
    %lefts = tile.splat %left : i32 -> tensor<1x64xi32>
    %m = arith.cmpi slt, %row, %lefts : tensor<1x64xi32>
    %mb = tile.broadcast %m : tensor<1x64xi1> -> tensor<128x64xi1>
    // CHECK: load %arg{{[0-9]+}}; width 8 along 1; mask 0 + i1 < %[[LEFT]]
    // CHECK-SAME: uniform by 128 along 0, uniform by 16 along 1, whole if 63 < %[[LEFT]]
    // CHECK-SAME: in %arg4 while 64 i + 63 + -1 %arg2 < 0
    %x = tile.load %p mask %mb other %zeros : tensor<128x64x!tile.ptr<f16>> -> tensor<128x64xf16> mask type tensor<128x64xi1> other type tensor<128x64xf16>
    %next = tile.addptr %p, %step : tensor<128x64x!tile.ptr<f16>>, tensor<128x64xi32>
    scf.yield %next : tensor<128x64x!tile.ptr<f16>>
  }
  return
}

// -----

// Rows of any length and any stride: what must hold at run time for 16 bytes at once and one predicate for them.
// CHECK-LABEL: rows
func.func @rows(%x_ptr: !tile.ptr<f16>, %stride: i32, %n: i32) attributes {tile.kernel} {
  %row = tile.program_id 0
  %o = arith.muli %row, %stride : i32
  // CHECK: %[[P:[0-9]+]]: !tile.ptr<f16> %arg0 +
  %p = tile.addptr %x_ptr, %o : !tile.ptr<f16>, i32
  %c = tile.make_range 0 to 1024 : tensor<1024xi32>
  %ps = tile.splat %p : !tile.ptr<f16> -> tensor<1024x!tile.ptr<f16>>
  %a = tile.addptr %ps, %c : tensor<1024x!tile.ptr<f16>>, tensor<1024xi32>
  %ns = tile.splat %n : i32 -> tensor<1024xi32>
  %m = arith.cmpi slt, %c, %ns : tensor<1024xi32>
  // CHECK: load %{{.*}}; width 8 along 0 if %[[P]] % 16 == 0;
  // CHECK-SAME: mask 0 + i0 < %arg2, uniform by 8 along 0 if %arg2 % 8 == 0, whole if 1023 < %arg2{{$}}
  %x = tile.load %a mask %m : tensor<1024x!tile.ptr<f16>> -> tensor<1024xf16> mask type tensor<1024xi1>
  // A store that a guard makes whole.
  %c1024 = arith.constant 1024 : i32
  %full = arith.cmpi sge, %n, %c1024 : i32
  scf.if %full {
    %in = arith.cmpi slt, %c, %ns : tensor<1024xi32>
    // CHECK: store {{.*}}always true
    tile.store %a, %x mask %in : tensor<1024x!tile.ptr<f16>>, tensor<1024xf16> mask type tensor<1024xi1>
  }
  return
}

// -----

// Columns that start anew at N, and a gather.
// CHECK-LABEL: columns
func.func @columns(%b_ptr: !tile.ptr<f32> {tile.divisibility = 16 : i32}, %i_ptr: !tile.ptr<i32>,
                   %N: i32 {tile.divisibility = 16 : i32}) attributes {tile.kernel} {
  %c64 = arith.constant 64 : i32
  %pn = tile.program_id 0
  %first = arith.muli %pn, %c64 : i32
  %r = tile.make_range 0 to 64 : tensor<64xi32>
  %firsts = tile.splat %first : i32 -> tensor<64xi32>
  // CHECK: %[[RN:[0-9]+]]: tensor<64xi32> along 0: 64, +1, %64
  %rn = arith.addi %firsts, %r : tensor<64xi32>
  // CHECK: %[[NS:[0-9]+]]: tensor<64xi32> along 0: 64, =, %16
  %Ns = tile.splat %N : i32 -> tensor<64xi32>
  %rw = arith.remsi %rn, %Ns : tensor<64xi32>
  %ps = tile.splat %b_ptr : !tile.ptr<f32> -> tensor<64x!tile.ptr<f32>>
  %a = tile.addptr %ps, %rw : tensor<64x!tile.ptr<f32>>, tensor<64xi32>
  // CHECK: load %{{.*}}; width 4 along 0 if %[[RN]] >= 0 and %[[NS]] != 0{{$}}
  %x = tile.load %a : tensor<64x!tile.ptr<f32>> -> tensor<64xf32>
  %is = tile.splat %i_ptr : !tile.ptr<i32> -> tensor<64x!tile.ptr<i32>>
  %index = tile.load %is : tensor<64x!tile.ptr<i32>> -> tensor<64xi32>
  %g = tile.addptr %ps, %index : tensor<64x!tile.ptr<f32>>, tensor<64xi32>
  // CHECK: load %{{[0-9]+}}{{$}}
  // CHECK: load %{{[0-9]+}}{{$}}
  %y = tile.load %g : tensor<64x!tile.ptr<f32>> -> tensor<64xf32>
  return
}
