//===- RandomKernel.cpp - random kernels of integers, masks and addresses ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RandomNames.h"

namespace tegula::test {
namespace {

class Writer : RandomNames {
public:
  explicit Writer(uint64_t seed) : RandomNames(seed) {}

  RandomKernel write() {
    arguments();
    constants();
    int statements = 12 + pick(20);
    for (int i = 0; i < statements; ++i)
      statement(2);
    std::string signature;
    for (size_t i = 0; i < kernel.arguments.size(); ++i) {
      const auto &argument = kernel.arguments[i];
      signature += (i ? ", " : "") + std::string("%a") + std::to_string(i) + ": " + typeOf(argument.type) +
                   " {tile.divisibility = " + std::to_string(argument.divisor) + " : i32";
      if (argument.min != INT64_MIN)
        signature += ", tile.range = array<i64: " + std::to_string(argument.min) + ", " +
                     std::to_string(argument.max) + ">";
      signature += "}";
    }
    kernel.text = "func.func @k(" + signature + ") attributes {tile.kernel} {\n" + text + "  return\n}\n";
    return std::move(kernel);
  }

private:
  Name arithmetic() {
    std::string element = integer();
    auto shape = shapeOrScalar();
    const char *op = chance(55)
                         ? oneOf<const char *>({"arith.addi", "arith.addi", "arith.muli", "arith.muli",
                                                "arith.subi", "arith.remsi", "arith.divsi"})
                         : oneOf<const char *>({"arith.divui", "arith.remui", "arith.andi", "arith.ori",
                                                "arith.xori", "arith.shli", "arith.shrsi", "arith.shrui",
                                                "arith.maxsi", "arith.minsi", "arith.maxui", "arith.minui",
                                                "arith.floordivsi", "arith.ceildivsi", "tile.mulhi_u"});
    Name x = any(element, shape);
    return binary(op, x, chance(50) ? niceConstant(element, shape) : any(element, shape));
  }
  Name compare() {
    std::string element = integer();
    auto shape = shapeOrScalar();
    Name x = any(element, shape), y = chance(30) ? niceConstant(element, shape) : any(element, shape);
    const char *p = oneOf<const char *>(
        {"slt", "slt", "slt", "sle", "sgt", "sge", "ult", "ule", "ugt", "uge", "eq", "ne"});
    return emit(fresh("i1", shape),
                std::string("arith.cmpi ") + p + ", " + x.name + ", " + y.name + " : " + typeOf(x));
  }
  Name logic() {
    auto shape = shapeOrScalar();
    const char *op = oneOf<const char *>({"arith.andi", "arith.andi", "arith.ori", "arith.xori"});
    Name x = any("i1", shape);
    return binary(op, x, any("i1", shape));
  }
  void select() {
    std::string element = oneOf<const char *>({"i32", "i32", "i64", "ptr"});
    auto shape = shapeOrScalar();
    Name c = chance(30) || shape.empty() ? scalar("i1") : tile("i1", shape), x = any(element, shape),
         y = any(element, shape);
    std::string types = typeOf(element, shape);
    emit(fresh(element, shape), "arith.select " + c.name + ", " + x.name + ", " + y.name + " : " +
                                    (c.shape.empty() ? "" : typeOf(c) + ", ") + types);
  }
  /// Operations that move elements in no regular way, absolute values, addresses as numbers.
  void rare() {
    auto shape = anyShape();
    switch (pick(5)) {
    case 0: {
      Name x = any(integer(), shapeOrScalar());
      emit(fresh(x.element, x.shape), "math.absi " + x.name + " : " + typeOf(x));
      return;
    }
    case 1: {
      Name x = tile(oneOf<const char *>({"i32", "i64", "ptr"}), shape);
      int64_t last = shape.back();
      Name most = constant("i32", shape, last - 1), zero = constant("i32", shape, 0);
      Name at = binary("arith.minsi", binary("arith.maxsi", tile("i32", shape), zero), most);
      emit(fresh(x.element, shape), "tile.gather " + x.name + "[" + at.name + "] along " +
                                        std::to_string(shape.size() - 1) + " : " + typeOf(x) + ", " +
                                        typeOf(at) + " -> " + typeOf(x));
      return;
    }
    case 2: {
      Name x = tile("i32", {oneOf<int64_t>({16, 32})});
      emit(fresh("i32", x.shape), "tile.sort " + std::string(chance(50) ? "descending " : "") +
                                      (chance(50) ? "signed " : "") + x.name + " : " + typeOf(x));
      return;
    }
    default: {
      Name x = any("ptr", shapeOrScalar());
      Name y = emit(fresh("i64", x.shape),
                    "tile.ptr_to_int " + x.name + " : " + typeOf(x) + " -> " + typeOf("i64", x.shape));
      if (chance(50))
        y = binary("arith.addi", y, niceConstant("i64", y.shape));
      emit(fresh("ptr", x.shape), "tile.int_to_ptr " + y.name + " : " + typeOf(y) + " -> " + typeOf(x));
    }
    }
  }

  void cast() {
    auto shape = shapeOrScalar();
    auto [op, from, to] =
        oneOf<std::tuple<const char *, const char *, const char *>>({{"arith.extsi", "i32", "i64"},
                                                                     {"arith.extui", "i32", "i64"},
                                                                     {"arith.trunci", "i64", "i32"},
                                                                     {"arith.extui", "i1", "i32"},
                                                                     {"arith.extsi", "i1", "i32"},
                                                                     {"arith.trunci", "i32", "i8"}});
    Name x = any(from, shape);
    Name y = emit(fresh(to, shape),
                  std::string(op) + " " + x.name + " : " + typeOf(x) + " to " + typeOf(to, shape));
    if (std::string(to) == "i8")
      emit(fresh("i32", shape), std::string(chance(50) ? "arith.extsi " : "arith.extui ") + y.name + " : " +
                                    typeOf(y) + " to " + typeOf("i32", shape));
  }

  /// pid * block + range, compared with a bound: what kernels do.
  void offsets() {
    auto shape = anyShape();
    size_t dim = size_t(pick(int64_t(shape.size())));
    Name block = constant("i32", {}, chance(60) ? shape[dim] : oneOf<int64_t>({16, 64, 96}));
    Name base = chance(60) ? binary("arith.muli", scalar("i32"), block) : scalar("i32");
    Name x = binary(chance(80) ? "arith.addi" : "arith.subi", splat(base, shape), range("i32", shape));
    Name bound = splat(scalar("i32"), shape);
    bool isLess = chance(70);
    if (chance(60))
      emit(fresh("i1", shape), "arith.cmpi slt, " + (isLess ? x : bound).name + ", " +
                                   (isLess ? bound : x).name + " : " + typeOf(x));
    if (chance(30))
      x = binary("arith.remsi", x, bound);
    if (chance(60))
      addPointer(splat(scalar("ptr"), shape), x);
  }
  Name addPointer(const Name &pointer, const Name &offset) {
    return emit(fresh("ptr", pointer.shape), "tile.addptr " + pointer.name + ", " + offset.name + " : " +
                                                 typeOf(pointer) + ", " + typeOf(offset));
  }
  void pointer() {
    auto shape = shapeOrScalar();
    Name p = any("ptr", shape);
    addPointer(p, any(integer(), shape));
  }
  /// base + row * stride + column
  void matrix() {
    int64_t rows = oneOf<int64_t>({4, 8}), columns = oneOf<int64_t>({8, 16});
    std::vector<int64_t> column{rows, 1}, full{rows, columns};
    Name row = binary("arith.addi", range("i32", column), splat(scalar("i32"), column));
    Name offset = binary("arith.muli", row, splat(scalar("i32"), column));
    Name start = addPointer(splat(scalar("ptr"), column), offset);
    Name wide = emit(fresh("ptr", full),
                     "tile.broadcast " + start.name + " : " + typeOf(start) + " -> " + typeOf("ptr", full));
    Name end = range("i32", {1, columns});
    addPointer(wide, emit(fresh("i32", full),
                          "tile.broadcast " + end.name + " : " + typeOf(end) + " -> " + typeOf("i32", full)));
  }

  void reshape() {
    Name *found = find([](const Name &x) { return !x.shape.empty(); });
    if (!found)
      return;
    Name x = *found;
    int64_t size = 1;
    for (int64_t extent : x.shape)
      size *= extent;
    switch (pick(7)) {
    case 0: {
      if (x.shape.size() < 2)
        return;
      std::vector<int64_t> order(x.shape.size()), shape;
      for (size_t i = 0; i < order.size(); ++i)
        order[i] = int64_t(i);
      std::shuffle(order.begin(), order.end(), random);
      std::string list;
      for (int64_t from : order) {
        list += (list.empty() ? "" : ", ") + std::to_string(from);
        shape.push_back(x.shape[size_t(from)]);
      }
      emit(fresh(x.element, shape),
           "tile.trans " + x.name + " by [" + list + "] : " + typeOf(x) + " -> " + typeOf(x.element, shape));
      return;
    }
    case 1:
    case 2: {
      std::vector<int64_t> shape;
      int64_t left = size;
      while (left > 1 && shape.size() < 3) {
        int64_t extent = shape.size() == 2 ? left : oneOf<int64_t>({2, 3, 4, 8, 16});
        if (left % extent == 0) {
          shape.push_back(extent);
          left /= extent;
        } else if (chance(30)) {
          break;
        }
      }
      if (left > 1 || shape.empty())
        shape.push_back(left);
      emit(fresh(x.element, shape),
           "tile.reshape " + x.name + " : " + typeOf(x) + " -> " + typeOf(x.element, shape));
      return;
    }
    case 3: {
      if (x.shape.size() > 2 || size > 128)
        return;
      Name y = tile(x.element, x.shape);
      auto shape = x.shape;
      shape.push_back(2);
      Name z = emit(fresh(x.element, shape), "tile.join " + x.name + ", " + y.name + " : " + typeOf(x) +
                                                 " -> " + typeOf(x.element, shape));
      if (!chance(50))
        return;
      x = z;
      [[fallthrough]];
    }
    case 4: {
      if (x.shape.back() != 2 || x.shape.size() < 2)
        return;
      auto shape = x.shape;
      shape.pop_back();
      Name a = fresh(x.element, shape), b = fresh(x.element, shape);
      text += "  " + a.name + ", " + b.name + " = tile.split " + x.name + " : " + typeOf(x) + " -> " +
              typeOf(a) + "\n";
      known.push_back(a);
      known.push_back(b);
      return;
    }
    case 5: {
      if (size > 128)
        return;
      Name y = tile(x.element, x.shape);
      auto shape = x.shape;
      shape[0] *= 2;
      emit(fresh(x.element, shape),
           "tile.cat " + x.name + ", " + y.name + " : " + typeOf(x) + " -> " + typeOf(x.element, shape));
      return;
    }
    default: {
      if (x.element == "ptr" || x.element == "i1")
        return;
      size_t axis = size_t(pick(int64_t(x.shape.size())));
      auto shape = x.shape;
      shape.erase(shape.begin() + int64_t(axis));
      const char *op = oneOf<const char *>(
          {"arith.maxsi", "arith.minsi", "arith.addi", "arith.andi", "arith.ori", "arith.maxui"});
      std::string id = std::to_string(next++), element = x.element;
      emit(fresh(element, shape), "tile.reduce(" + x.name + ") along " + std::to_string(axis) + " : (" +
                                      typeOf(x) + ") -> " + typeOf(element, shape) + " {\n  ^bb0(%l" + id +
                                      ": " + element + ", %r" + id + ": " + element + "):\n    %c" + id +
                                      " = " + op + " %l" + id + ", %r" + id + " : " + element +
                                      "\n    tile.combine_return %c" + id + " : " + element + "\n  }");
    }
    }
  }

  void assume() {
    Name x = scalar("i32");
    if (chance(30)) {
      Name divisor = constant("i32", {}, oneOf<int64_t>({4, 16, 48})), zero = constant("i32", {}, 0);
      Name rest = binary("arith.remsi", x, divisor);
      Name is = emit(fresh("i1", {}), "arith.cmpi eq, " + rest.name + ", " + zero.name + " : i32");
      text += "  tile.assume " + is.name + "\n";
      return;
    }
    Name y = chance(70) ? niceConstant("i32", {}) : scalar("i32");
    Name is = emit(fresh("i1", {}), std::string("arith.cmpi ") +
                                        oneOf<const char *>({"slt", "sge", "sgt", "sle", "ult", "ne"}) +
                                        ", " + x.name + ", " + y.name + " : i32");
    text += "  tile.assume " + is.name + "\n";
  }

  /// A region's values are gone after it.
  template <typename Body> void scope(Body body) {
    size_t mark = known.size();
    body();
    known.resize(mark);
  }

  Name yielded(const Name &carried) {
    if (chance(60)) { // advance it
      if (carried.element == "ptr")
        return addPointer(carried, carried.shape.empty() ? scalar("i32")
                                   : chance(70)          ? splat(scalar("i32"), carried.shape)
                                                         : tile("i32", carried.shape));
      return binary(chance(80) ? "arith.addi" : "arith.muli", carried,
                    chance(60) ? niceConstant(carried.element, carried.shape)
                               : any(carried.element, carried.shape));
    }
    return any(carried.element, carried.shape);
  }

  void loop(int depth) {
    // A few rounds only, by a bound that is not known.
    int64_t step = oneOf<int64_t>({1, 1, 4, 16, 3}), most = oneOf<int64_t>({2, 4, 6});
    Name by = constant("i32", {}, step), reach = constant("i32", {}, most * step),
         zero = constant("i32", {}, 0);
    Name high = binary("arith.maxsi", binary("arith.minsi", scalar("i32"), reach), zero), low = zero;
    if (chance(30)) {
      low = scalar("i32");
      high = binary("arith.addi", low, high);
    } else if (chance(30)) {
      low = constant("i32", {}, oneOf<int64_t>({1, 16, -4}));
    }
    std::vector<Name> inits;
    for (int64_t i = pick(3); i > 0; --i) {
      std::string element = oneOf<const char *>({"i32", "i32", "ptr", "i64"});
      inits.push_back(any(element, shapeOrScalar()));
    }
    Name iv = fresh("i32", {});
    std::vector<Name> args, results;
    std::string carried, types, values, names;
    std::string result = "%v" + std::to_string(next++);
    for (size_t i = 0; i < inits.size(); ++i) {
      args.push_back(fresh(inits[i].element, inits[i].shape));
      carried += (i ? ", " : "") + args[i].name + " = " + inits[i].name;
      types += (i ? ", " : "") + typeOf(inits[i]);
      results.push_back(
          {inits.size() == 1 ? result : result + "#" + std::to_string(i), inits[i].element, inits[i].shape});
    }
    std::string count = inits.size() > 1 ? ":" + std::to_string(inits.size()) : "";
    text += "  " + (inits.empty() ? "" : result + count + " = ") + "scf.for " + iv.name + " = " + low.name +
            " to " + high.name + " step " + by.name;
    text += inits.empty() ? " : i32 {\n" : " iter_args(" + carried + ") -> (" + types + ") : i32 {\n";
    scope([&] {
      known.push_back(iv);
      known.insert(known.end(), args.begin(), args.end());
      body(depth);
      for (size_t i = 0; i < args.size(); ++i)
        values += (i ? ", " : "") + yielded(args[i]).name;
      if (!inits.empty())
        text += "  scf.yield " + values + " : " + types + "\n";
    });
    text += "  }\n";
    known.insert(known.end(), results.begin(), results.end());
  }

  void branch(int depth) {
    Name condition = scalar("i1");
    std::string element = oneOf<const char *>({"i32", "i32", "ptr", "i64"});
    auto shape = shapeOrScalar();
    Name result = fresh(element, shape);
    std::string type = typeOf(element, shape);
    text += "  " + result.name + " = scf.if " + condition.name + " -> (" + type + ") {\n";
    for (int arm = 0; arm < 2; ++arm) {
      scope([&] {
        body(depth);
        text += "  scf.yield " + any(element, shape).name + " : " + type + "\n";
      });
      text += arm ? "  }\n" : "  } else {\n";
    }
    known.push_back(result);
  }

  /// while (i < n && ...) i += step, a few times.
  void whileLoop(int depth) {
    Name start = scalar("i32"), carried = any("i32", shapeOrScalar());
    Name round = fresh("i32", {}), i = fresh("i32", {}), x = fresh("i32", carried.shape);
    Name round2 = fresh("i32", {}), i2 = fresh("i32", {}), x2 = fresh("i32", carried.shape);
    Name zero = constant("i32", {}, 0);
    std::string result = "%v" + std::to_string(next++), types = "i32, i32, " + typeOf(carried);
    text += "  " + result + ":3 = scf.while (" + round.name + " = " + zero.name + ", " + i.name + " = " +
            start.name + ", " + x.name + " = " + carried.name + ") : (" + types + ") -> (" + types + ") {\n";
    scope([&] {
      known.insert(known.end(), {round, i, x});
      Name limit = constant("i32", {}, 3), bound = scalar("i32");
      Name first = emit(fresh("i1", {}), "arith.cmpi slt, " + round.name + ", " + limit.name + " : i32");
      Name second = emit(fresh("i1", {}), std::string("arith.cmpi ") +
                                              oneOf<const char *>({"slt", "sle", "ult", "ne"}) + ", " +
                                              i.name + ", " + bound.name + " : i32");
      Name both = binary("arith.andi", first, second);
      text += "  scf.condition(" + both.name + ") " + round.name + ", " + i.name + ", " + x.name + " : " +
              types + "\n";
    });
    text += "  } do {\n  ^bb0(" + round2.name + ": i32, " + i2.name + ": i32, " + x2.name + ": " +
            typeOf(carried) + "):\n";
    scope([&] {
      known.insert(known.end(), {round2, i2, x2});
      body(depth);
      Name one = constant("i32", {}, 1);
      Name r = binary("arith.addi", round2, one),
           j = binary("arith.addi", i2, chance(50) ? one : scalar("i32")), y = yielded(x2);
      text += "  scf.yield " + r.name + ", " + j.name + ", " + y.name + " : " + types + "\n";
    });
    text += "  }\n";
    known.push_back({result + "#1", "i32", {}});
    known.push_back({result + "#2", "i32", carried.shape});
  }

  void body(int depth) {
    for (int64_t i = 2 + pick(5); i > 0; --i)
      statement(depth - 1);
  }

  void statement(int depth) {
    int64_t kind = pick(100);
    if (kind < 34)
      arithmetic();
    else if (kind < 46)
      offsets();
    else if (kind < 55)
      compare();
    else if (kind < 59)
      logic();
    else if (kind < 64)
      select();
    else if (kind < 67)
      cast();
    else if (kind < 69)
      rare();
    else if (kind < 74)
      pointer();
    else if (kind < 78)
      matrix();
    else if (kind < 88)
      reshape();
    else if (kind < 90)
      assume();
    else if (depth <= 0)
      arithmetic();
    else if (kind < 95)
      loop(depth);
    else if (kind < 98)
      branch(depth);
    else
      whileLoop(depth);
  }
};

} // namespace

RandomKernel randomKernel(uint64_t seed) { return Writer(seed).write(); }

} // namespace tegula::test
