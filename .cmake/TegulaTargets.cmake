# How a layer, the precompiled headers and everything that is linked are declared.

# One precompiled header for all layers (90 MB; MLIR alone would be 77). Upstream headers only: one of our own in
# here would rebuild everything at each change of it.
set(TEGULA_PCH_HEADERS
    <algorithm> <array> <atomic> <cmath> <cstdint> <cstring> <functional> <map> <memory> <mutex> <numeric>
    <optional> <set> <sstream> <string> <string_view> <unordered_map> <unordered_set> <utility> <variant> <vector>
    "llvm/ADT/APFloat.h" "llvm/ADT/APInt.h" "llvm/ADT/DenseMap.h" "llvm/ADT/DenseSet.h" "llvm/ADT/MapVector.h"
    "llvm/ADT/STLExtras.h" "llvm/ADT/SetVector.h" "llvm/ADT/SmallVector.h" "llvm/ADT/StringExtras.h"
    "llvm/ADT/StringMap.h" "llvm/ADT/StringSwitch.h" "llvm/ADT/TypeSwitch.h" "llvm/Support/FormatVariadic.h"
    "llvm/Support/raw_ostream.h"
    "mlir/Bytecode/BytecodeOpInterface.h"
    "mlir/Dialect/Arith/IR/Arith.h" "mlir/Dialect/Func/IR/FuncOps.h" "mlir/Dialect/Math/IR/Math.h"
    "mlir/Dialect/SCF/IR/SCF.h"
    "mlir/IR/AsmState.h" "mlir/IR/Attributes.h" "mlir/IR/Builders.h" "mlir/IR/BuiltinAttributes.h"
    "mlir/IR/BuiltinOps.h" "mlir/IR/BuiltinTypes.h" "mlir/IR/Diagnostics.h" "mlir/IR/Dialect.h"
    "mlir/IR/DialectImplementation.h" "mlir/IR/Dominance.h" "mlir/IR/IRMapping.h" "mlir/IR/MLIRContext.h"
    "mlir/IR/Matchers.h" "mlir/IR/OpDefinition.h" "mlir/IR/OpImplementation.h" "mlir/IR/OwningOpRef.h"
    "mlir/IR/PatternMatch.h" "mlir/IR/Verifier.h"
    "mlir/Interfaces/ControlFlowInterfaces.h" "mlir/Interfaces/InferTypeOpInterface.h"
    "mlir/Interfaces/LoopLikeInterface.h" "mlir/Interfaces/SideEffectInterfaces.h"
    "mlir/Pass/Pass.h" "mlir/Pass/PassManager.h" "mlir/Support/LLVM.h"
    "llvm/IR/BasicBlock.h" "llvm/IR/Constants.h" "llvm/IR/DataLayout.h" "llvm/IR/DerivedTypes.h"
    "llvm/IR/Function.h" "llvm/IR/GlobalVariable.h" "llvm/IR/IRBuilder.h" "llvm/IR/InlineAsm.h"
    "llvm/IR/Instructions.h" "llvm/IR/Intrinsics.h" "llvm/IR/LLVMContext.h" "llvm/IR/MDBuilder.h"
    "llvm/IR/Module.h" "llvm/IR/Type.h" "llvm/IR/Value.h" "llvm/IR/Verifier.h")

if(TEGULA_PCH)
  add_library(TegulaPch STATIC ${PROJECT_SOURCE_DIR}/.cmake/Empty.cpp)
  list(TRANSFORM TEGULA_PCH_HEADERS REPLACE "^([^<].*)$" "<\\1>")
  target_precompile_headers(TegulaPch PRIVATE ${TEGULA_PCH_HEADERS})
endif()

function(tegula_use_pch target)
  if(TEGULA_PCH)
    target_precompile_headers(${target} REUSE_FROM TegulaPch)
  endif()
endfunction()

# tegula_sources(<variable> <folder>... [EXCLUDE <regex>...]): every .cpp below the folders of this directory.
function(tegula_sources variable)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "EXCLUDE")
  set(all)
  foreach(folder IN LISTS arg_UNPARSED_ARGUMENTS)
    # Without "/./", which the patterns to exclude would not match.
    get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR}/${folder} ABSOLUTE)
    file(GLOB_RECURSE found CONFIGURE_DEPENDS ${folder}/*.cpp)
    list(APPEND all ${found})
  endforeach()
  foreach(regex IN LISTS arg_EXCLUDE)
    list(FILTER all EXCLUDE REGEX "${CMAKE_CURRENT_SOURCE_DIR}/(\\./)?${regex}")
  endforeach()
  set(${variable} ${all} PARENT_SCOPE)
endfunction()

# Links those of the named targets that exist: a layer without sources yet has none.
function(tegula_link target visibility)
  foreach(lib IN LISTS ARGN)
    if(lib MATCHES "^Tegula" AND NOT TARGET ${lib})
      continue()
    endif()
    target_link_libraries(${target} ${visibility} ${lib})
  endforeach()
endfunction()

# tegula_layer(<target> SOURCES <folder>... [EXCLUDE <regex>...] [LINK <library>...])
# One static library from all sources below the folders; nothing, with a message, when there are none yet.
function(tegula_layer target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;EXCLUDE;LINK")
  tegula_sources(sources ${arg_SOURCES} EXCLUDE ${arg_EXCLUDE})
  if(NOT sources)
    message(STATUS "${target}: no sources yet, skipped")
    return()
  endif()
  add_library(${target} STATIC ${sources})
  tegula_use_pch(${target})
  tegula_link(${target} PUBLIC ${arg_LINK})
  if(TARGET TegulaTileIncGen)
    add_dependencies(${target} TegulaTileIncGen)
  endif()
  if(TARGET TegulaPassesIncGen)
    add_dependencies(${target} TegulaPassesIncGen)
  endif()
endfunction()
