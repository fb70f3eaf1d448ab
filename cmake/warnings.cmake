# SPDX-License-Identifier: GPL-2.0-or-later
add_library(natledger_warnings INTERFACE)
target_compile_options(natledger_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wcast-align
  -Wnon-virtual-dtor -Woverloaded-virtual -Wformat=2 -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(natledger_warnings INTERFACE -Wduplicated-cond -Wlogical-op -Wuseless-cast)
endif()
