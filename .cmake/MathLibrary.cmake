# Cuts the math functions of a GPU out of libclc: cmake -DLIBRARY=<libclc's bitcode> -DTABLE=<MathLibrary.def> -DOPT=<opt>
# -DOUTPUT=<bitcode> -P MathLibrary.cmake
#
# What is changed on the way:
# - Tables move from constant memory, where lanes that read different places wait for each other, to global memory.
# - A product in a sum is fused, always: what llvm.fmuladd becomes depends on options.
# - A float outside an integer's range saturates, as the instruction does, and a NaN gives 0. In LLVM IR both are undefined,
#   and the instruction makes the lowest integer of a NaN that is an f64: an index before the start of a table.
# - Attributes of the architecture that the library was compiled for go: functions take the kernel's.

file(STRINGS ${TABLE} rows REGEX "^TAKE\\(")
set(names)
foreach(row IN LISTS rows)
  string(REGEX REPLACE "^TAKE\\((.*), *(.*)\\)$" "\\1;\\2" parts "${row}")
  list(GET parts 0 name)
  list(GET parts 1 arguments)
  string(LENGTH ${name} length)
  list(APPEND names _Z${length}${name}${arguments})
endforeach()
list(JOIN names "," names)

function(run_opt)
  execute_process(COMMAND ${OPT} ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

set(keep -internalize-public-api-list=${names})
set(text ${OUTPUT}.ll)
run_opt(-passes=internalize,globaldce ${keep} ${LIBRARY} -S -o ${text})

file(READ ${text} ir)
string(REPLACE "addrspace(4)" "addrspace(1)" ir "${ir}")
string(REPLACE "@llvm.fmuladd." "@llvm.fma." ir "${ir}")
string(REGEX REPLACE "%([0-9]+) = fptosi double (%[0-9]+) to i32"
  "%whole.\\1 = call i32 @llvm.nvvm.d2i.rz(double \\2)\n  %number.\\1 = fcmp ord double \\2, 0.0\n  %\\1 = select i1 %number.\\1, i32 %whole.\\1, i32 0" ir "${ir}")
string(REGEX REPLACE "%([0-9]+) = fptosi double (%[0-9]+) to i64"
  "%whole.\\1 = call i64 @llvm.nvvm.d2ll.rz(double \\2)\n  %number.\\1 = fcmp ord double \\2, 0.0\n  %\\1 = select i1 %number.\\1, i64 %whole.\\1, i64 0" ir "${ir}")
string(REGEX REPLACE "= fptosi float (%[0-9]+) to i32" "= call i32 @llvm.nvvm.f2i.rz(float \\1)" ir "${ir}")
# Declarations: of intrinsics only, which need none. Some would be there twice now.
string(REGEX REPLACE "\ndeclare [^\n]* @llvm\\.[^\n]*" "" ir "${ir}")
string(REGEX REPLACE "\"[a-z-]+\"=\"[^\"]*\" ?" "" ir "${ir}")
if(ir MATCHES "\ndeclare |addrspace\\([^1]\\)|fpto[su]i [df]")
  message(FATAL_ERROR "${LIBRARY} holds what is not understood: ${CMAKE_MATCH_0}")
endif()
file(WRITE ${text} "${ir}")
run_opt("-passes=internalize,default<O2>,globaldce" ${keep} ${text} -o ${OUTPUT})
