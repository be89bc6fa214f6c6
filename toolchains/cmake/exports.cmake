# SPDX-License-Identifier: Apache-2.0
# What libbinocle.so exports: the functions that the public headers mark BNC_API, and nothing else. As part of the build it makes the
# linker's list anew whenever one of those headers changed:   cmake -DHEADERS=FILE;... -DLIST=FILE -P exports.cmake
if(CMAKE_SCRIPT_MODE_FILE)
  set(names "")
  foreach(header IN LISTS HEADERS)
    file(READ "${header}" text)
    # A declaration may stand on several lines; its name is what comes before the first parenthesis.
    string(REGEX MATCHALL "BNC_API[^(;]*[^A-Za-z0-9_](bnc_[a-z0-9_]+) *\\(" declarations "${text}")
    foreach(declaration IN LISTS declarations)
      string(REGEX MATCH "bnc_[a-z0-9_]+ *\\($" name "${declaration}")
      string(REGEX REPLACE " *\\($" ";" name "${name}")
      string(APPEND names "    ${name}\n")
    endforeach()
  endforeach()
  file(WRITE "${LIST}" "{\n  global:\n${names}  local:\n    *;\n};\n")
  return()
endif()

file(GLOB public_headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/*/include/binocle/*.h)
set(exports ${PROJECT_BINARY_DIR}/libbinocle.exports)
add_custom_command(OUTPUT ${exports} DEPENDS ${public_headers} ${CMAKE_CURRENT_LIST_FILE} VERBATIM
  COMMAND ${CMAKE_COMMAND} "-DHEADERS=${public_headers}" -DLIST=${exports} -P ${CMAKE_CURRENT_LIST_FILE})
target_sources(binocle_shared PRIVATE ${exports})
set_target_properties(binocle_shared PROPERTIES LINK_DEPENDS ${exports})
target_link_options(binocle_shared PRIVATE -Wl,--version-script=${exports})
