//===- DependenciesTest.cpp - keys by type and bits, globals found again ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/Dependencies.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

namespace tegula::api {

using lang::Constant;
using lang::JitFunction;

namespace {

struct MapResolver : lang::Resolver {
  std::map<std::string, Found> names, members;
  std::optional<Found> lookup(const std::string &name) override {
    auto at = names.find(name);
    return at == names.end() ? std::nullopt : std::optional(at->second);
  }
  std::optional<Found> attribute(const Constant::Module &, const std::string &name) override {
    auto at = members.find(name);
    return at == members.end() ? std::nullopt : std::optional(at->second);
  }
};

Constant number(long value) { return {Constant::Int(value)}; }

std::shared_ptr<const JitFunction> function(const std::string &text, std::shared_ptr<MapResolver> resolver,
                                            const std::string &file = "k.py") {
  return std::make_shared<JitFunction>(SourceFile{file, 1, text}, "f", std::move(resolver));
}

std::string bytesOf(const Constant &constant) {
  ByteWriter out;
  KnownResolvers known;
  writeConstant(out, constant, known, false);
  return out.bytes;
}

/// A kernel that reads C, calls `helper` (which reads SCALE), and takes a member of a module.
struct World {
  std::shared_ptr<MapResolver> mine = std::make_shared<MapResolver>(),
                               theirs = std::make_shared<MapResolver>();
  std::shared_ptr<const JitFunction> helper = function("def helper(): return SCALE", theirs);
  KnownResolvers known;

  World() {
    Constant::Module module{false, "the module 'config.sub'", this};
    mine->names = {{"C", {number(4), true}}, {"helper", {{helper}, true}}, {"config", {{module}, true}}};
    mine->members = {{"BLOCK", {number(64), true}}};
    theirs->names = {{"SCALE", {{2.0}, true}}};
    known.number(mine);
  }
  /// A function that sees itself keeps its resolver alive.
  ~World() { mine->names.clear(); }
  std::vector<lang::Dependency> dependencies() {
    return {{mine, "C", mine->names.at("C").value},
            {mine, "helper", {helper}},
            {theirs, "SCALE", theirs->names.at("SCALE").value},
            {mine, "C", mine->names.at("C").value},
            {mine, "config", mine->names.at("config").value},
            {mine, "the module 'config.sub'.BLOCK", mine->members.at("BLOCK").value}};
  }
};

} // namespace

TEST(Digest, ConstantsDifferByTypeAndBits) {
  double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<Constant> all = {number(1),
                               {true},
                               {1.0},
                               number(0),
                               {false},
                               {0.0},
                               {-0.0},
                               {nan},
                               {std::string("1")},
                               {Constant::None{}},
                               {Constant::Tuple{{number(1)}, {}}},
                               {Constant::Tuple{{number(1), number(1)}, {}}},
                               {lang::DType{lang::ScalarKind::F32}},
                               {lang::DType{lang::ScalarKind::F32, true}},
                               {std::string()}};
  for (size_t i = 0; i < all.size(); ++i)
    for (size_t j = 0; j < all.size(); ++j)
      EXPECT_EQ(bytesOf(all[i]) == bytesOf(all[j]), i == j) << i << " " << j;
  EXPECT_EQ(bytesOf({nan}), bytesOf({-std::nan("7")}));
  EXPECT_NE(bytesOf({Constant::Tuple{{{std::string("ab")}, {std::string("c")}}, {}}}),
            bytesOf({Constant::Tuple{{{std::string("a")}, {std::string("bc")}}, {}}}));
}

TEST(Dependencies, FoundAgainInAnotherProcess) {
  World first, second;
  auto keys = describe(first.dependencies(), first.known, false);
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->size(), 5u); // C once
  auto found = match(*keys, second.known, false);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->back().resolver, second.mine);
}

TEST(Dependencies, AnyChangeIsSeen) {
  World first;
  auto keys = describe(first.dependencies(), first.known, false);
  ASSERT_TRUE(keys);
  auto fits = [&](auto change) {
    World other;
    change(other);
    return match(*keys, other.known, false).has_value();
  };
  EXPECT_TRUE(fits([](World &) {}));
  EXPECT_FALSE(fits([](World &w) { w.mine->names["C"].value = number(5); }));
  EXPECT_FALSE(fits([](World &w) { w.mine->names["C"].value = {4.0}; }));
  EXPECT_FALSE(fits([](World &w) { w.mine->names["C"].isConstexpr = false; }));
  EXPECT_FALSE(fits([](World &w) { w.mine->names.erase("C"); }));
  EXPECT_FALSE(fits([](World &w) { w.theirs->names["SCALE"].value = {3.0}; }));
  EXPECT_FALSE(fits([](World &w) { w.mine->members["BLOCK"].value = number(65); }));
  EXPECT_FALSE(fits([](World &w) {
    w.mine->names["helper"].value = {function("def helper(): return 2 * SCALE", w.theirs)};
  }));
  // The same text in a module of other values, and a helper that now shares the kernel's module.
  EXPECT_FALSE(fits(
      [](World &w) { w.mine->names["helper"].value = {function("def helper(): return SCALE", w.mine)}; }));
  EXPECT_TRUE(fits([](World &w) { w.mine->names["unused"] = {number(1), true}; }));
}

TEST(Dependencies, WhatTheLibraryTakesIsNotAKey) {
  World world;
  auto library = std::make_shared<MapResolver>();
  auto dependencies = world.dependencies();
  dependencies.push_back({library, "tl", {Constant::Module{true, "", nullptr}}});
  dependencies.push_back(
      {library, "zeros", {function("def zeros(): pass", library, "<tegula>/standard.py")}});
  auto keys = describe(dependencies, world.known, false);
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->size(), 5u);
  // Anything else from nowhere cannot be found again.
  dependencies.push_back({library, "X", number(1)});
  EXPECT_FALSE(describe(dependencies, world.known, false));
}

TEST(Dependencies, FrozenFunctionsKeepTheirWorld) {
  World world;
  auto kernel = function("def f(): pass", world.mine);
  auto copy = frozen(*kernel, world.dependencies());
  world.mine->names["C"].value = number(99);
  world.theirs->names["SCALE"].value = {99.0};
  world.mine->names["helper"].value = number(0);
  world.mine->members["BLOCK"].value = number(99);

  auto &names = *copy->resolver;
  EXPECT_EQ(bytesOf(names.lookup("C")->value), bytesOf(number(4)));
  auto helper = std::get<std::shared_ptr<const JitFunction>>(names.lookup("helper")->value.value);
  EXPECT_EQ(bytesOf(helper->resolver->lookup("SCALE")->value), bytesOf({2.0}));
  auto module = std::get<Constant::Module>(names.lookup("config")->value.value);
  EXPECT_EQ(bytesOf(names.attribute(module, "BLOCK")->value), bytesOf(number(64)));
}

} // namespace tegula::api
