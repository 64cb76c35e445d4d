//===- RandomNames.h - values of a random kernel, known ones and new ones ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "AxisClaims.h"

#include <random>

namespace tegula::test {

/// A value of the kernel that is being written.
struct Name {
  std::string name, element; ///< %x, i32
  std::vector<int64_t> shape;
};

/// What is written so far, and the values that the next operation can take.
class RandomNames {
protected:
  explicit RandomNames(uint64_t seed) : random(seed) {}

  int64_t pick(int64_t below) { return int64_t(random() % uint64_t(below)); }
  bool chance(int percent) { return pick(100) < percent; }
  template <typename T> T oneOf(std::initializer_list<T> list) {
    return list.begin()[pick(int64_t(list.size()))];
  }

  static std::string typeOf(const std::string &element) {
    return element == "ptr" ? "!tile.ptr<f16>" : element;
  }
  static std::string typeOf(const std::string &element, const std::vector<int64_t> &shape) {
    if (shape.empty())
      return typeOf(element);
    std::string type = "tensor<";
    for (int64_t extent : shape)
      type += std::to_string(extent) + "x";
    return type + typeOf(element) + ">";
  }
  static std::string typeOf(const Name &x) { return typeOf(x.element, x.shape); }

  Name fresh(std::string element, std::vector<int64_t> shape) {
    return {"%v" + std::to_string(next++), std::move(element), std::move(shape)};
  }
  Name emit(Name result, const std::string &op) {
    text += "  " + result.name + " = " + op + "\n";
    known.push_back(result);
    return result;
  }

  void arguments() {
    int count = 3 + int(pick(3));
    for (int i = 0; i < count; ++i) {
      RandomKernel::Argument argument;
      argument.type = oneOf<const char *>({"i32", "i32", "i32", "i64"});
      argument.divisor = oneOf<int64_t>({1, 1, 16, 16, 8, 48});
      if (chance(40))
        argument.min = oneOf<int64_t>({0, 1, -64}), argument.max = oneOf<int64_t>({100, 4096, INT32_MAX});
      add(argument);
    }
    add({"ptr", oneOf<int64_t>({16, 16, 1, 4})});
  }
  void add(const RandomKernel::Argument &argument) {
    known.push_back({"%a" + std::to_string(kernel.arguments.size()), argument.type, {}});
    kernel.arguments.push_back(argument);
  }

  void constants() {
    emit(fresh("i32", {}), "tile.program_id 0");
    emit(fresh("i32", {}), "tile.num_programs 1");
    for (int64_t value : {0, 1, 16})
      constant("i32", {}, value);
    constant("i64", {}, oneOf<int64_t>({3, 64, -1, 1 << 20}));
  }

  Name constant(const std::string &element, const std::vector<int64_t> &shape, int64_t value) {
    if (element == "i8")
      value = int8_t(value);
    std::string number = element == "i1" ? (value & 1 ? "true" : "false") : std::to_string(value);
    std::string type = typeOf(element, shape);
    return emit(fresh(element, shape),
                "arith.constant " + (shape.empty() ? (element == "i1" ? number : number + " : " + type)
                                                   : "dense<" + number + "> : " + type));
  }
  Name niceConstant(const std::string &element, const std::vector<int64_t> &shape) {
    return constant(element, shape,
                    oneOf<int64_t>({0,  1,  2,   3,    4,  6,  8,  12,  15,        16,        31,     32,
                                    48, 64, 128, 1024, -1, -2, -8, -16, INT32_MAX, INT32_MIN, 1 << 30}));
  }

  std::vector<int64_t> anyShape() {
    static const std::vector<std::vector<int64_t>> shapes = {
        {16}, {32}, {48}, {12}, {7}, {8, 16}, {16, 8}, {4, 12}, {1, 32}, {16, 1}, {2, 4, 8}, {6, 8}, {3, 16}};
    return shapes[size_t(pick(int64_t(shapes.size())))];
  }

  /// A known value; recent ones are likelier. Made if there is none.
  template <typename Predicate> Name *find(Predicate predicate) {
    std::vector<size_t> found;
    for (size_t i = 0; i < known.size(); ++i)
      if (predicate(known[i]))
        found.push_back(i);
    if (found.empty())
      return nullptr;
    size_t back =
        size_t(chance(60) ? pick(std::min<int64_t>(4, int64_t(found.size()))) : pick(int64_t(found.size())));
    return &known[found[found.size() - 1 - back]];
  }
  Name scalar(const std::string &element) {
    if (Name *found = find([&](const Name &x) { return x.element == element && x.shape.empty(); }))
      return *found;
    return niceConstant(element, {});
  }
  Name tile(const std::string &element, const std::vector<int64_t> &shape) {
    Name *found = find([&](const Name &x) { return x.element == element && x.shape == shape; });
    if (found && chance(75))
      return *found;
    if (element == "ptr" || element == "i1" || chance(30)) {
      if (element == "i1" && !find([](const Name &x) { return x.element == "i1" && x.shape.empty(); }))
        return constant("i1", shape, pick(2));
      return splat(scalar(element), shape);
    }
    return element == "i8" || chance(40) ? niceConstant(element, shape) : range(element, shape);
  }
  Name splat(Name source, const std::vector<int64_t> &shape) {
    return emit(fresh(source.element, shape), "tile.splat " + source.name + " : " + typeOf(source) + " -> " +
                                                  typeOf(source.element, shape));
  }

  /// A range along one dimension of the shape.
  Name range(const std::string &element, const std::vector<int64_t> &shape) {
    size_t dim = size_t(pick(int64_t(shape.size())));
    int64_t start = chance(80) ? 0 : oneOf<int64_t>({1, 16, -3, -16});
    Name x = emit(fresh("i32", {shape[dim]}), "tile.make_range " + std::to_string(start) + " to " +
                                                  std::to_string(start + shape[dim]) + " : " +
                                                  typeOf("i32", {shape[dim]}));
    for (size_t d = 0; d < shape.size(); ++d)
      if (d != dim)
        x = expanded(x, std::min<size_t>(d, x.shape.size()));
    if (x.shape != shape)
      x = emit(fresh("i32", shape),
               "tile.broadcast " + x.name + " : " + typeOf(x) + " -> " + typeOf("i32", shape));
    if (element == "i64")
      x = emit(fresh("i64", shape),
               "arith.extsi " + x.name + " : " + typeOf(x) + " to " + typeOf("i64", shape));
    return x;
  }
  Name expanded(const Name &x, size_t axis) {
    std::vector<int64_t> shape = x.shape;
    shape.insert(shape.begin() + int64_t(axis), 1);
    return emit(fresh(x.element, shape), "tile.expand_dims " + x.name + " at " + std::to_string(axis) +
                                             " : " + typeOf(x) + " -> " + typeOf(x.element, shape));
  }

  Name any(const std::string &element, const std::vector<int64_t> &shape) {
    return shape.empty() ? scalar(element) : tile(element, shape);
  }
  std::string integer() { return chance(80) ? "i32" : "i64"; }
  std::vector<int64_t> shapeOrScalar() { return chance(30) ? std::vector<int64_t>() : anyShape(); }

  Name binary(const std::string &op, const Name &x, const Name &y) {
    return emit(fresh(x.element, x.shape), op + " " + x.name + ", " + y.name + " : " + typeOf(x));
  }

  std::mt19937_64 random;
  RandomKernel kernel;
  std::string text;
  std::vector<Name> known;
  int next = 0;
};

} // namespace tegula::test
