# The five words that a CMakeLists.txt of this project is written in:
#   troupe_layer(ROOM SEES room... [LIBS lib...])           a room: its library and its unit tests
#   troupe_program(NAME SOURCES file... SEES room...)       a program, optimised over all rooms in release
#   troupe_test(NAME SOURCES file... SEES room...)          a test program and its line in ctest
#   troupe_guest(SOURCE OUTPUT [TARGET])                    a guest in C, compiled to WebAssembly
#   troupe_guests()                                         the guests of the examples and of the tests

add_custom_target(guests)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# lib names as rooms write them -> what the linker gets. A library is looked for only when a room asks for it.
function(troupe_link_libs target)
    foreach(lib IN LISTS ARGN)
        if(lib STREQUAL pthread)
            target_link_libraries(${target} PRIVATE Threads::Threads)
        elseif(lib STREQUAL wasmtime)
            find_package(Wasmtime REQUIRED)
            target_link_libraries(${target} PRIVATE wasmtime)
        else()
            find_library(TROUPE_LIB_${lib} ${lib})
            if(NOT TROUPE_LIB_${lib})
                message(FATAL_ERROR "lib${lib} is not installed; './dev setup' installs it")
            endif()
            target_link_libraries(${target} PRIVATE ${TROUPE_LIB_${lib}})
        endif()
    endforeach()
endfunction()

# PRIVATE, so that what a room sees is what its own line says and nothing that a neighbour sees.
function(troupe_see target)
    foreach(room IN LISTS ARGN)
        target_link_libraries(${target} PRIVATE troupe_${room})
    endforeach()
endfunction()

function(troupe_layer room)
    cmake_parse_arguments(arg "" "" "SEES;LIBS" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS *.c)
    set(tests ${sources})
    list(FILTER sources EXCLUDE REGEX "_(test|fuzz)\\.c$")
    list(FILTER tests INCLUDE REGEX "_test\\.c$")
    add_library(troupe_${room} STATIC ${sources})
    target_include_directories(troupe_${room}
        PUBLIC include
        PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    target_compile_options(troupe_${room} PRIVATE ${TROUPE_WARNINGS})
    troupe_see(troupe_${room} ${arg_SEES})
    troupe_link_libs(troupe_${room} ${arg_LIBS})
    foreach(test IN LISTS tests)
        get_filename_component(thing ${test} NAME_WE)
        string(REGEX REPLACE "_test$" "" thing ${thing})
        troupe_test(${room}/${thing} SOURCES ${test} SEES ${room} ${arg_SEES} LIBS ${arg_LIBS})
        target_include_directories(test_${room}_${thing} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    endforeach()
endfunction()

function(troupe_program name)
    cmake_parse_arguments(arg "" "" "SOURCES;SEES;LIBS" ${ARGN})
    add_executable(${name} ${arg_SOURCES})
    target_compile_options(${name} PRIVATE ${TROUPE_WARNINGS})
    target_compile_definitions(${name} PRIVATE TROUPE_VERSION="${PROJECT_VERSION}")
    troupe_see(${name} ${arg_SEES})
    troupe_link_libs(${name} ${arg_LIBS})
    if(TROUPE_LTO)
        target_link_options(${name} PRIVATE -flto=auto -O2)
    endif()
endfunction()

# NAME is room/thing; the target is test_room_thing. GUESTS: wait for the guests. PROGRAM: wait for troupe itself.
# SERIAL: nothing else may run beside it. ENV: more environment. ARGS: arguments.
function(troupe_test name)
    cmake_parse_arguments(arg "GUESTS;PROGRAM;SERIAL" "TIMEOUT" "SOURCES;SEES;LIBS;ARGS;ENV" ${ARGN})
    string(REPLACE "/" "_" target test_${name})
    add_executable(${target} ${arg_SOURCES})
    # cmocka's macros cast pointers to its own integer type: a sign conversion in each assertion.
    target_compile_options(${target} PRIVATE ${TROUPE_WARNINGS} -Wno-conversion)
    target_compile_definitions(${target} PRIVATE
        TROUPE_TEST_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
        TROUPE_TEST_BINARY_DIR="${CMAKE_BINARY_DIR}"
        TROUPE_TEST_GUESTS="${CMAKE_BINARY_DIR}/guests"
        TROUPE_TEST_PROGRAM="${CMAKE_BINARY_DIR}/tools/troupe/troupe")
    troupe_see(${target} ${arg_SEES})
    troupe_link_libs(${target} ${arg_LIBS} cmocka pthread)
    if(TROUPE_LTO)
        target_link_options(${target} PRIVATE -fno-lto)
    endif()
    # Every room may be looked at with guests, and the guests cost a second: no test is left to guess.
    add_dependencies(${target} guests)
    if(arg_PROGRAM)
        add_dependencies(${target} troupe)
    endif()
    add_test(NAME ${name} COMMAND ${target} ${arg_ARGS})
    set_tests_properties(${name} PROPERTIES ENVIRONMENT "${TROUPE_TEST_ENVIRONMENT};${arg_ENV}")
    if(arg_SERIAL)
        set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
    endif()
    if(arg_TIMEOUT)
        set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT})
    endif()
endfunction()

# A first line "// troupe_guest: FLAGS..." in the source adds flags.
function(troupe_guest source output)
    find_program(TROUPE_CLANG NAMES clang clang-14)
    find_program(TROUPE_WASM_LD NAMES wasm-ld wasm-ld-14)
    if(NOT TROUPE_CLANG OR NOT TROUPE_WASM_LD)
        message(FATAL_ERROR "guests need clang and lld; './dev setup' installs them")
    endif()
    set(flags "")
    file(STRINGS ${source} wish LIMIT_COUNT 1 REGEX "^// troupe_guest:")
    if(wish)
        string(REGEX REPLACE "^// troupe_guest:" "" wish "${wish}")
        separate_arguments(flags UNIX_COMMAND "${wish}")
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
    endif()
    file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/guest/c/*.h)
    file(RELATIVE_PATH shown ${CMAKE_SOURCE_DIR} ${source})
    string(REPLACE "/" "_" id ${shown})
    # Written aside and renamed into place: a run that is reading the old file keeps it.
    add_custom_command(OUTPUT ${output}
        COMMAND ${TROUPE_CLANG} --target=wasm32 -O2 -mbulk-memory -nostdlib -ffreestanding
            -Wall -Wextra -Werror -I ${CMAKE_SOURCE_DIR}/guest/c ${flags}
            -Wl,--no-entry,--gc-sections,--stack-first,-z,stack-size=8192
            -o ${CMAKE_BINARY_DIR}/guests/${id}.part ${source}
        COMMAND ${CMAKE_COMMAND} -E rename ${CMAKE_BINARY_DIR}/guests/${id}.part ${output}
        DEPENDS ${source} ${headers}
        COMMENT "Building guest ${shown}"
        VERBATIM)
    add_custom_target(guest_${id} DEPENDS ${output})
    add_dependencies(guests guest_${id})
endfunction()

# A manifest names files of its own folder only, so an example's guests lie beside their sources.
function(troupe_guests)
    set(built ${CMAKE_BINARY_DIR}/guests)
    file(MAKE_DIRECTORY ${built})
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/examples/*/guests/*.c)
    foreach(source IN LISTS sources)
        string(REGEX REPLACE "\\.c$" ".wasm" output ${source})
        troupe_guest(${source} ${output})
    endforeach()
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/guests/*.c)
    foreach(source IN LISTS sources)
        get_filename_component(thing ${source} NAME_WE)
        troupe_guest(${source} ${built}/${thing}.wasm)
    endforeach()
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/guests/*.wat)
    foreach(source IN LISTS sources)
        get_filename_component(thing ${source} NAME)
        add_custom_command(OUTPUT ${built}/${thing}
            COMMAND ${CMAKE_COMMAND} -E copy ${source} ${built}/${thing}
            DEPENDS ${source} VERBATIM)
        add_custom_target(guest_text_${thing} DEPENDS ${built}/${thing})
        add_dependencies(guests guest_text_${thing})
    endforeach()
endfunction()
