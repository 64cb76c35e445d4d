# LLVM and MLIR of the distribution, linked from their static archives.

find_package(MLIR 22.1 REQUIRED CONFIG PATHS /usr/lib/llvm-22 NO_DEFAULT_PATH)
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)
include_directories(SYSTEM ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
include_directories(${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
separate_arguments(LLVM_DEFINITIONS NATIVE_COMMAND "${LLVM_DEFINITIONS}")
add_definitions(${LLVM_DEFINITIONS})

# Every imported MLIR target names the shared libLLVM; with it in, the archives would come along a second time.
# zlib and zstd go in as archives and z3 (used by the static analyser only) not at all: the wheel must not
# need a library of the distribution.
get_property(tegulaMlirLibs GLOBAL PROPERTY MLIR_ALL_LIBS)
foreach(lib IN LISTS tegulaMlirLibs LLVM_AVAILABLE_LIBS)
  if(NOT TARGET ${lib})
    continue()
  endif()
  get_target_property(needs ${lib} INTERFACE_LINK_LIBRARIES)
  if(NOT needs)
    continue()
  endif()
  list(REMOVE_ITEM needs LLVM Polly)
  list(TRANSFORM needs REPLACE "^ZLIB::ZLIB$" "libz.a")
  list(TRANSFORM needs REPLACE "^zstd::libzstd_shared$" "libzstd.a")
  list(FILTER needs EXCLUDE REGEX "libz3")
  list(TRANSFORM needs REPLACE "^libz(std)?\\.a$" "-l:\\0")
  set_target_properties(${lib} PROPERTIES INTERFACE_LINK_LIBRARIES "${needs}")
endforeach()

# What the CPU target needs. A GPU target adds its components here (NVPTX; AMDGPU), and lldELF with lldCommon
# for AMD's code objects.
set(TEGULA_LLVM_CPU_COMPONENTS Core Support Analysis Passes Target TargetParser OrcJIT Remarks X86 AArch64)
set(TEGULA_LLVM_GPU_COMPONENTS NVPTX)
set(TEGULA_LLD_LIBS)
set(TEGULA_MLIR_LIBS
    MLIRIR MLIRSupport MLIRParser MLIRAsmParser MLIRPass MLIRTransforms MLIRTransformUtils MLIRRewrite
    MLIRFuncDialect MLIRArithDialect MLIRMathDialect MLIRSCFDialect MLIRUBDialect
    MLIRSCFUtils MLIRAnalysis MLIRInferTypeOpInterface MLIRSideEffectInterfaces MLIRControlFlowInterfaces)
llvm_map_components_to_libnames(TEGULA_LLVM_LIBS ${TEGULA_LLVM_CPU_COMPONENTS} ${TEGULA_LLVM_GPU_COMPONENTS})
