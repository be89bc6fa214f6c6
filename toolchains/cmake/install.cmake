# SPDX-License-Identifier: Apache-2.0
# cmake --install: the program, both libraries, the public headers, a pkg-config file and a CMake package.
include(GNUInstallDirs)
foreach(folder platforms runtime quant)
  if(EXISTS ${PROJECT_SOURCE_DIR}/${folder}/include/binocle)
    install(DIRECTORY ${PROJECT_SOURCE_DIR}/${folder}/include/binocle DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  endif()
endforeach()
if(TARGET binocle)
  install(TARGETS binocle)
endif()
install(TARGETS binocle_shared binocle_static)

# Against a private sysroot, consumers need its folder and its loader as well:
# the C library that the dependencies ask for is newer than the system's.
list(TRANSFORM BINOCLE_LIBRARY_NAMES PREPEND -l OUTPUT_VARIABLE BINOCLE_PRIVATE_FLAGS)
list(JOIN BINOCLE_PRIVATE_FLAGS " " BINOCLE_PRIVATE_FLAGS)
set(BINOCLE_CONSUMER_FLAGS "")
if(BINOCLE_SYSROOT)
  set(BINOCLE_CONSUMER_FLAGS "\"-Wl,--sysroot=${BINOCLE_SYSROOT}\" ${BINOCLE_SYSROOT_LINK_FLAGS} ${BINOCLE_SYSROOT_LOADER_FLAG}")
endif()
set(generated ${PROJECT_BINARY_DIR}/install)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/binocle)
# Both files find the prefix from where they lie, so that an installation can be moved.
file(RELATIVE_PATH BINOCLE_PC_TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
file(RELATIVE_PATH BINOCLE_CMAKE_TO_PREFIX /${package} /)
configure_file(${PROJECT_SOURCE_DIR}/toolchains/packaging/binocle.pc.in ${generated}/binocle.pc @ONLY)
configure_file(${PROJECT_SOURCE_DIR}/toolchains/packaging/binocleConfig.cmake.in ${generated}/binocleConfig.cmake @ONLY)
include(CMakePackageConfigHelpers)
write_basic_package_version_file(${generated}/binocleConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${generated}/binocle.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${generated}/binocleConfig.cmake ${generated}/binocleConfigVersion.cmake DESTINATION ${package})
