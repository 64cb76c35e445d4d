# Compiler, linker and ccache: the flags every target of ours is built with.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
# -O2, not CMake's -O3: the compiler is not the hot code, what it emits is.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

# -fPIC on everything, also on executables, so that all targets can share one precompiled header.
add_compile_options(-fPIC -fvisibility=hidden -fvisibility-inlines-hidden
                    -ffunction-sections -fdata-sections
                    -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  # Without a time stamp in it a precompiled header is the same file whenever it is made: ccache needs that.
  add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
endif()

if(TEGULA_SANITIZE)
  # The distribution's archives are not instrumented, and LLVM's inline allocators poison memory only when they
  # are: both halves must agree, so the poisoning is switched off in our half.
  add_compile_options(-fsanitize=${TEGULA_SANITIZE} -fno-sanitize=vptr,function -fno-sanitize-recover=all
                      -fno-omit-frame-pointer -gline-tables-only
                      "SHELL:-include ${PROJECT_SOURCE_DIR}/.cmake/SanitizedLlvm.h")
  add_link_options(-fsanitize=${TEGULA_SANITIZE})
endif()

find_program(TEGULA_MOLD mold)
find_program(TEGULA_LLD NAMES ld.lld-22 ld.lld)
if(TEGULA_MOLD)
  add_link_options(-fuse-ld=mold)
elseif(TEGULA_LLD)
  add_link_options(-fuse-ld=lld)
else()
  message(FATAL_ERROR "Tegula needs the linker mold or lld-22: apt-get install mold lld-22")
endif()

find_program(TEGULA_CCACHE ccache)
if(TEGULA_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # What ccache must overlook to reuse objects compiled with a precompiled header. No CCACHE_BASEDIR: the header
  # holds absolute paths, so a hit from another checkout would be wrong.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${TEGULA_CCACHE})
endif()
