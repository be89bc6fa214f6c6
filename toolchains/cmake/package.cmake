# SPDX-License-Identifier: Apache-2.0
# CPack's Debian packages: binocle (program, library) and libbinocle-dev (headers, static library). toolchains/bundle makes them.
string(REPLACE armv7l armhf _architecture "${CMAKE_SYSTEM_PROCESSOR}")
string(REPLACE aarch64 arm64 _architecture "${_architecture}")
string(REPLACE x86_64 amd64 _architecture "${_architecture}")
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME binocle)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The Binocle authors <binocle@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL program development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS OFF)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE ${_architecture})
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME binocle)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION science)
# The libraries inside ask for glibc 2.34; the rest they bring along.
set(CPACK_DEBIAN_PROGRAM_PACKAGE_DEPENDS "libc6 (>= 2.34), libgcc-s1")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS libedit2) # chat edits its lines with it where it is there
set(CPACK_DEBIAN_PROGRAM_DESCRIPTION "questions about high-resolution pictures, answered on a CPU
Binocle runs INF-LLaVA, a multimodal LLM that reads high-resolution
pictures from two perspectives, on CPUs only and offline. The libraries
that it is built on come along in a folder of its own.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libbinocle-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "binocle (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "headers and static library of Binocle
What a program needs to be compiled against libbinocle: headers, a
static library, a pkg-config file and a CMake package.")
# CPack's own way to tell of a shared library is a script that calls ldconfig; a trigger does without one.
set(_control ${PROJECT_BINARY_DIR}/install/control)
file(WRITE ${_control}/shlibs "libbinocle ${PROJECT_VERSION_MAJOR} binocle (>= ${PROJECT_VERSION})\n")
file(WRITE ${_control}/triggers "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_CONTROL_EXTRA ${_control}/shlibs ${_control}/triggers)
include(CPack)

# What Debian's policy asks of every package: whose it is, what changed, and what lintian finds and why it stays.
string(TIMESTAMP _date "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(WRITE ${PROJECT_BINARY_DIR}/install/changelog "binocle (${PROJECT_VERSION}) unstable; urgency=medium\n\n  * CHANGELOG.md of the sources tells what is new.\n"
  "\n -- ${CPACK_PACKAGE_CONTACT}  ${_date}\n")
find_program(BINOCLE_GZIP gzip)
if(BINOCLE_GZIP)
  execute_process(COMMAND ${BINOCLE_GZIP} -9nkf ${PROJECT_BINARY_DIR}/install/changelog)
  foreach(_pair binocle:program libbinocle-dev:development)
    string(REPLACE ":" ";" _pair ${_pair})
    list(POP_FRONT _pair _package _component)
    install(FILES ${PROJECT_BINARY_DIR}/install/changelog.gz ${PROJECT_SOURCE_DIR}/toolchains/packaging/copyright
      DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${_package} COMPONENT ${_component})
    install(FILES ${PROJECT_SOURCE_DIR}/toolchains/packaging/${_package}.overrides DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides
      COMPONENT ${_component} RENAME ${_package})
  endforeach()
endif()
