// RUN: tegula-opt %s --split-input-file --verify-diagnostics

func.func @range() {
  // expected-error @+1 {{a range of 3 elements cannot have type 'tensor<4xi32>'}}
  %0 = tile.make_range 0 to 3 : tensor<4xi32>
  return
}

// -----

func.func @axis() {
  // expected-error @+1 {{axis 3 is outside a rank of 3}}
  %0 = tile.program_id 3
  return
}

// -----

func.func @broadcast(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{an extent of 2 cannot become 3}}
  %0 = tile.broadcast %x : tensor<2x4xf32> -> tensor<3x4xf32>
  return
}

// -----

func.func @trans(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{order is not a permutation of 2 dimensions}}
  %0 = tile.trans %x by [0, 0] : tensor<2x4xf32> -> tensor<2x2xf32>
  return
}

// -----

func.func @reshape(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{8 elements cannot be shaped as 'tensor<9xf32>'}}
  %0 = tile.reshape %x : tensor<2x4xf32> -> tensor<9xf32>
  return
}

// -----

func.func @load(%p: tensor<8x!tile.ptr<f32>>) {
  // expected-error @+1 {{does not fit a pointer to 'f32'}}
  %0 = tile.load %p : tensor<8x!tile.ptr<f32>> -> tensor<8xf16>
  return
}

// -----

func.func @store(%p: tensor<8x!tile.ptr<f32>>, %x: tensor<4xf32>) {
  // expected-error @+1 {{shapes differ}}
  tile.store %p, %x : tensor<8x!tile.ptr<f32>>, tensor<4xf32>
  return
}

// -----

func.func @dot(%a: tensor<4x8xf16>, %b: tensor<4x8xf16>, %c: tensor<4x8xf32>) {
  // expected-error @+1 {{shapes do not fit}}
  %0 = tile.dot %a, %b, %c ieee : tensor<4x8xf16>, tensor<4x8xf16> -> tensor<4x8xf32>
  return
}

// -----

func.func @reduce(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{the combine region must take 2 x 1 scalars and return 1}}
  %0 = tile.reduce(%x) along 1 : (tensor<4x8xf32>) -> tensor<4xf32> {
  ^bb0(%a: f32):
    tile.combine_return %a : f32
  }
  return
}
