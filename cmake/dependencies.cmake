# SPDX-License-Identifier: GPL-2.0-or-later
# Every library that the programs and their tests use, and the one target each is known by here.
# scripts/install-dependencies installs the Debian packages that hold them.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

pkg_check_modules(LIBMNL REQUIRED IMPORTED_TARGET libmnl)        # netlink requests and dumps
pkg_check_modules(LIBPCAP REQUIRED IMPORTED_TARGET libpcap)      # captures
pkg_check_modules(YAMLCPP REQUIRED IMPORTED_TARGET yaml-cpp)     # configuration
pkg_check_modules(LIBCRYPTO REQUIRED IMPORTED_TARGET libcrypto)  # SHA-256
pkg_check_modules(LIBZSTD REQUIRED IMPORTED_TARGET libzstd)      # archives
pkg_check_modules(LIBCURL REQUIRED IMPORTED_TARGET libcurl)      # HTTP and TLS, of natledger-ship
pkg_check_modules(LIBSSL REQUIRED IMPORTED_TARGET libssl)        # trust by fingerprint, with it
pkg_check_modules(LIBDEFLATE REQUIRED IMPORTED_TARGET libdeflate)  # its request bodies
find_package(fmt REQUIRED)                                       # text formatting
find_package(spdlog REQUIRED)                                    # the log
find_package(CLI11 REQUIRED)                                     # command line
find_package(RapidJSON REQUIRED)  # coverage records; records read back
add_library(rapidjson INTERFACE)  # Debian's package has no target
target_include_directories(rapidjson SYSTEM INTERFACE ${RapidJSON_INCLUDE_DIRS})

if(NATLEDGER_TESTS)
  find_package(GTest REQUIRED)
  # The reference decoder, and the lab's generator of entries.
  pkg_check_modules(LIBNFCT REQUIRED IMPORTED_TARGET libnetfilter_conntrack)
endif()
