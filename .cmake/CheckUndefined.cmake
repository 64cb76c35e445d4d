# Fails when a Python extension needs symbols that neither Python nor a library it names provides; those of a
# library carry a version (name@GLIBC_2.34). `-z defs` cannot say this: Python's own symbols are undefined too.
execute_process(COMMAND ${NM} -D --undefined-only ${FILE} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
string(REGEX REPLACE "\n" ";" lines "${text}")
foreach(line IN LISTS lines)
  if(line MATCHES " [Uv] ([^@ ]+)$" AND NOT CMAKE_MATCH_1 MATCHES "^(_?Py|Sleef_|_ZN3tbb|tbb)")
    string(APPEND bad "  ${CMAKE_MATCH_1}\n")
  endif()
endforeach()
if(bad)
  file(REMOVE ${FILE})
  message(FATAL_ERROR "undefined symbols:\n${bad}")
endif()
