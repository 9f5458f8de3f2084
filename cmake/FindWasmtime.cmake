# The engine: .deps/wasmtime-VERSION-ORIGIN/{include,lib}, laid there by ./dev. Makes the target wasmtime.
#
# Headers of one version over a library of another compile, link, and then misread each other's structs. So the
# configuration asks the library itself: every artifact it writes carries the version that may load it.

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

if(NOT TARGET wasmtime)
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
endif()

# Asked again only when library or header changed.
file(SIZE ${wasmtime_file} wasmtime_size)
file(TIMESTAMP ${wasmtime_file} wasmtime_time "%s")
file(SHA256 ${WASMTIME_ROOT}/include/wasmtime.h wasmtime_header)
set(wasmtime_key "${wasmtime_file};${wasmtime_size};${wasmtime_time};${wasmtime_header}")
if(NOT "${wasmtime_key}" STREQUAL "${WASMTIME_CHECKED}")
    set(CMAKE_TRY_COMPILE_CONFIGURATION Debug)
    try_run(wasmtime_ran wasmtime_built ${CMAKE_BINARY_DIR}/wasmtime-check
        ${CMAKE_SOURCE_DIR}/cmake/wasmtime/check_version.c
        LINK_LIBRARIES wasmtime Threads::Threads
        COMPILE_OUTPUT_VARIABLE wasmtime_compile_says
        RUN_OUTPUT_VARIABLE wasmtime_says
        ARGS ${WASMTIME_VERSION})
    unset(CMAKE_TRY_COMPILE_CONFIGURATION)
    if(NOT wasmtime_built)
        message(FATAL_ERROR "the engine in ${WASMTIME_ROOT} does not link:\n${wasmtime_compile_says}")
    endif()
    if(NOT wasmtime_ran EQUAL 0)
        unset(wasmtime_ran CACHE)
        message(FATAL_ERROR "wasmtime: ${wasmtime_says}"
            "remedy: rm -r ${WASMTIME_ROOT} && ${wasmtime_remedy}")
    endif()
    unset(wasmtime_ran CACHE)
    set(WASMTIME_CHECKED "${wasmtime_key}" CACHE INTERNAL "the engine whose versions were compared")
endif()
set(Wasmtime_FOUND TRUE)
