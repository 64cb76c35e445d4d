// RUN: tegula-opt %s --split-input-file --verify-diagnostics | FileCheck %s

// Every operation takes tiles with layouts; the text of a layout is read and written unchanged.
#rows = #tile.layout<"4x3*16 reg (0,1..2) lane (0,4..8) (1..2,0) 0 warp 0 0">
#row = #tile.layout<"4 lane 0 0 (1..2) 0 warp 0 0">
#joined = #tile.layout<"4x3*16x2 reg (0,0,1) (0,1..2,0) lane (0,4..8,0) (1..2,0,0) 0 warp 0 0">

// CHECK-DAG: #[[ROWS:.*]] = #tile.layout<"4x3*16 reg (0,1..2) lane (0,4..8) (1..2,0) 0 warp 0 0">
// CHECK-LABEL: func.func @encoded
// CHECK-SAME: tensor<4x48x!tile.ptr<f32>, #[[ROWS]]>
func.func @encoded(%p: tensor<4x48x!tile.ptr<f32>, #rows>, %i: tensor<4x48xi32, #rows>, %s: f32) -> tensor<4xf32, #row> {
  %q = tile.addptr %p, %i : tensor<4x48x!tile.ptr<f32>, #rows>, tensor<4x48xi32, #rows>
  %x = tile.load %q : tensor<4x48x!tile.ptr<f32>, #rows> -> tensor<4x48xf32, #rows>
  %k = tile.splat %s : f32 -> tensor<4x48xf32, #rows>
  %y = arith.addf %x, %k : tensor<4x48xf32, #rows>
  %j = tile.join %x, %y : tensor<4x48xf32, #rows> -> tensor<4x48x2xf32, #joined>
  %a, %b = tile.split %j : tensor<4x48x2xf32, #joined> -> tensor<4x48xf32, #rows>
  tile.store %q, %b : tensor<4x48x!tile.ptr<f32>, #rows>, tensor<4x48xf32, #rows>
  %sum = tile.reduce(%a) along 1 : (tensor<4x48xf32, #rows>) -> tensor<4xf32, #row> {
  ^bb0(%l: f32, %r: f32):
    %t = arith.addf %l, %r : f32
    tile.combine_return %t : f32
  }
  return %sum : tensor<4xf32, #row>
}

// -----

// expected-error @+1 {{"8 reg (3" is no layout}}
func.func private @text(tensor<8xf32, #tile.layout<"8 reg (3">>)

// -----

// expected-error @+1 {{a layout of rank 1 on a tile of rank 2}}
func.func private @rank(tensor<8x1xf32, #tile.layout<"8 reg (1..4)">>)

// -----

// expected-error @+1 {{a layout of extent 8 is too small for 9}}
func.func private @extent(tensor<9xf32, #tile.layout<"8 reg (1..4)">>)

// -----

// expected-error @+1 {{the layout leaves elements out: 8 reg (1) (4)}}
func.func private @hole(tensor<8xf32, #tile.layout<"8 reg (1) (4)">>)

// -----

// CHECK: #[[SHARED:.*]] = #tile.shared_layout<"4x4 offset (0,1..2) (1,2) (2,0)">
// CHECK: func.func private @shared() attributes {test.memory = #[[SHARED]]}
func.func private @shared() attributes {test.memory = #tile.shared_layout<"4x4 offset (0,1..2) (1,2) (2,0)">}

// -----

// expected-error @+1 {{"4 offset (1) (1)" is no layout of shared memory}}
func.func private @twice() attributes {test.memory = #tile.shared_layout<"4 offset (1) (1)">}
