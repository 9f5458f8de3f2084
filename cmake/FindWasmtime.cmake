# The engine: .deps/wasmtime-VERSION-ORIGIN/{include,lib}, laid there by ./dev. Makes the target wasmtime.
#
# Headers of one version over a library of another compile, link, and then misread each other's structs. So both are
# asked: the header's macro, and the library's name of its unwinder switch, which carries the full version (an artifact
# that it writes carries the major one only).

if(TARGET wasmtime)
    set(Wasmtime_FOUND TRUE)
    return()
endif()
if(NOT TROUPE_ENGINE MATCHES "^(wheel|source)$")
    message(FATAL_ERROR "TROUPE_ENGINE is '${TROUPE_ENGINE}'; it may be wheel or source")
endif()
set(wasmtime_pin ${CMAKE_SOURCE_DIR}/cmake/wasmtime/${TROUPE_ENGINE}/Cargo.toml)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${wasmtime_pin})
file(STRINGS ${wasmtime_pin} wasmtime_line REGEX "^wasmtime-c-api-impl")
string(REGEX MATCH "=([0-9]+\\.[0-9]+\\.[0-9]+)" wasmtime_line "${wasmtime_line}")
set(WASMTIME_VERSION ${CMAKE_MATCH_1})
set(WASMTIME_ROOT ${CMAKE_SOURCE_DIR}/.deps/wasmtime-${WASMTIME_VERSION}-${TROUPE_ENGINE})
if(TROUPE_ENGINE STREQUAL wheel)
    set(wasmtime_file ${WASMTIME_ROOT}/lib/libwasmtime.so)
    set(wasmtime_remedy "./dev setup")
else()
    set(wasmtime_file ${WASMTIME_ROOT}/lib/libwasmtime.a)
    set(wasmtime_remedy "./dev setup --engine=source")
endif()
if(NOT EXISTS ${wasmtime_file} OR NOT EXISTS ${WASMTIME_ROOT}/include/wasmtime.h)
    message(FATAL_ERROR
        "wasmtime ${WASMTIME_VERSION} (${TROUPE_ENGINE}) is not in .deps; '${wasmtime_remedy}' puts it there")
endif()

set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
    ${wasmtime_file} ${WASMTIME_ROOT}/include/wasmtime.h)
file(STRINGS ${WASMTIME_ROOT}/include/wasmtime.h wasmtime_line REGEX "^#define WASMTIME_VERSION ")
string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" wasmtime_header "${wasmtime_line}")
file(STRINGS ${wasmtime_file} wasmtime_line LIMIT_COUNT 1
    REGEX "wasmtime_using_libunwind_[0-9]+_[0-9]+_[0-9]+$")
string(REGEX MATCH "[0-9]+_[0-9]+_[0-9]+$" wasmtime_library "${wasmtime_line}")
string(REPLACE "_" "." wasmtime_library "${wasmtime_library}")
if(NOT wasmtime_header STREQUAL WASMTIME_VERSION OR NOT wasmtime_library STREQUAL WASMTIME_VERSION)
    message(FATAL_ERROR
        "wasmtime is pinned to ${WASMTIME_VERSION}, but its headers are of version '${wasmtime_header}' and its "
        "library of version '${wasmtime_library}': they must be one.\n"
        "remedy: rm -r ${WASMTIME_ROOT} && ${wasmtime_remedy}")
endif()

# Linked by -L and -l with an rpath: linking the file by its path would write that path into the program.
add_library(wasmtime INTERFACE IMPORTED GLOBAL)
target_include_directories(wasmtime SYSTEM INTERFACE ${WASMTIME_ROOT}/include)
target_link_directories(wasmtime INTERFACE ${WASMTIME_ROOT}/lib)
target_link_libraries(wasmtime INTERFACE -lwasmtime m dl)
if(TROUPE_ENGINE STREQUAL wheel)
    target_link_options(wasmtime INTERFACE -Wl,-rpath,${WASMTIME_ROOT}/lib)
endif()
target_compile_definitions(wasmtime INTERFACE
    TROUPE_ENGINE_ORIGIN="${TROUPE_ENGINE}")
set(Wasmtime_FOUND TRUE)
