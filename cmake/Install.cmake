# What `cmake --install` gives: libtroupe, shared and static, of the rooms that need nothing but libc; libtroupe_guests,
# the same with the room that drives guests, which needs the engine and libsodium; their doors; pkg-config and CMake
# packages; the program; the engine beside both; what guests are written with.
#
# The rooms are compiled once more, as code that may lie anywhere. cmake/libtroupe.map lets troupe_ names out and
# nothing else; cmake/libtroupe.abi says what they were when they were last looked at (tests/install/check-abi).
# Before 1.0 a new minor version may break binaries, so the soname carries it.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(soversion ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})

# The rooms named, as objects for libraries.
function(troupe_objects target)
    set(includes ${CMAKE_SOURCE_DIR}/src/base/include ${CMAKE_SOURCE_DIR}/src/actor/include)
    foreach(room IN LISTS ARGN)
        file(GLOB found CONFIGURE_DEPENDS src/${room}/*.c)
        list(FILTER found EXCLUDE REGEX "_(test|fuzz)\\.c$")
        list(APPEND sources ${found})
        list(APPEND includes ${CMAKE_SOURCE_DIR}/src/${room}/include)
        install(DIRECTORY src/${room}/include/troupe DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
    endforeach()
    add_library(${target} OBJECT ${sources})
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    target_include_directories(${target} PRIVATE ${includes})
    target_compile_options(${target} PRIVATE ${TROUPE_WARNINGS})
endfunction()

set(map ${CMAKE_SOURCE_DIR}/cmake/libtroupe.map)
function(troupe_library target kind name)
    add_library(${target} ${kind} ${ARGN})
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name})
    target_include_directories(${target} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_link_libraries(${target} PUBLIC Threads::Threads)
    if(kind STREQUAL SHARED)
        set_target_properties(${target} PROPERTIES
            VERSION ${PROJECT_VERSION} SOVERSION ${soversion} LINK_DEPENDS ${map})
        target_link_options(${target} PRIVATE -Wl,--version-script=${map} -Wl,--no-undefined)
        if(TROUPE_LTO)
            target_link_options(${target} PRIVATE -flto=auto -O2)
        endif()
    endif()
endfunction()

troupe_objects(libtroupe_objects base exec actor kit)
troupe_library(libtroupe_shared SHARED troupe $<TARGET_OBJECTS:libtroupe_objects>)
troupe_library(libtroupe_static STATIC troupe $<TARGET_OBJECTS:libtroupe_objects>)
troupe_objects(libtroupe_component_objects component)
troupe_link_libs(libtroupe_component_objects wasmtime)
troupe_library(libtroupe_guests SHARED troupe_guests
    $<TARGET_OBJECTS:libtroupe_objects> $<TARGET_OBJECTS:libtroupe_component_objects>)
troupe_link_libs(libtroupe_guests wasmtime sodium)
set_target_properties(libtroupe_shared PROPERTIES EXPORT_NAME troupe)
set_target_properties(libtroupe_static PROPERTIES EXPORT_NAME troupe_static)
set_target_properties(libtroupe_guests PROPERTIES EXPORT_NAME troupe_guests)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/troupe)
install(TARGETS libtroupe_shared libtroupe_static libtroupe_guests EXPORT troupe)
install(EXPORT troupe NAMESPACE troupe:: FILE troupe-targets.cmake DESTINATION ${package})
file(WRITE ${CMAKE_BINARY_DIR}/troupe-config.cmake
    "include(CMakeFindDependencyMacro)\n"
    "set(THREADS_PREFER_PTHREAD_FLAG ON)\n"
    "find_dependency(Threads)\n"
    "include(\${CMAKE_CURRENT_LIST_DIR}/troupe-targets.cmake)\n")
write_basic_package_version_file(${CMAKE_BINARY_DIR}/troupe-config-version.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/troupe-config.cmake ${CMAKE_BINARY_DIR}/troupe-config-version.cmake
    DESTINATION ${package})
file(RELATIVE_PATH TROUPE_PC_UP /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
foreach(TROUPE_PC_NAME troupe troupe_guests)
    configure_file(cmake/troupe.pc.in ${TROUPE_PC_NAME}.pc @ONLY)
    install(FILES ${CMAKE_BINARY_DIR}/${TROUPE_PC_NAME}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()

install(TARGETS troupe)
install(FILES guest/c/troupe_guest.h DESTINATION ${CMAKE_INSTALL_DATADIR}/troupe/guest/c)
install(FILES wit/troupe.wit DESTINATION ${CMAKE_INSTALL_DATADIR}/troupe/wit)
if(TROUPE_ENGINE STREQUAL wheel)
    get_target_property(engine wasmtime INTERFACE_LINK_DIRECTORIES)
    install(FILES ${engine}/libwasmtime.so DESTINATION ${CMAKE_INSTALL_LIBDIR}/troupe)
    # Both were linked with an rpath into .deps, which is not there for whom they are installed.
    set(installed "\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}")
    install(CODE "file(RPATH_SET FILE \"${installed}/${CMAKE_INSTALL_BINDIR}/troupe\"
        NEW_RPATH \"\\\$ORIGIN/../${CMAKE_INSTALL_LIBDIR}/troupe\")
    file(RPATH_SET FILE \"${installed}/${CMAKE_INSTALL_LIBDIR}/libtroupe_guests.so.${PROJECT_VERSION}\"
        NEW_RPATH \"\\\$ORIGIN/troupe\")")
endif()
