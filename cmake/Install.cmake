# What `cmake --install` gives: libtroupe, shared and static, of the rooms that need nothing but libc; their doors;
# a pkg-config and a CMake package; the program with the engine beside it; what guests are written with.
#
# The rooms are compiled once more, as code that may lie anywhere. cmake/libtroupe.map lets troupe_ names out and
# nothing else; cmake/libtroupe.abi says what they were when they were last looked at (tests/install/check-abi).
# Before 1.0 a new minor version may break binaries, so the soname carries it.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(soversion ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})

set(sources "") # and includes: of the four rooms
set(includes "")
foreach(room base exec actor kit)
    file(GLOB found CONFIGURE_DEPENDS src/${room}/*.c)
    list(FILTER found EXCLUDE REGEX "_(test|fuzz)\\.c$")
    list(APPEND sources ${found})
    list(APPEND includes ${CMAKE_SOURCE_DIR}/src/${room}/include)
    install(DIRECTORY src/${room}/include/troupe DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endforeach()
add_library(libtroupe_objects OBJECT ${sources})
set_target_properties(libtroupe_objects PROPERTIES POSITION_INDEPENDENT_CODE ON)
target_include_directories(libtroupe_objects PRIVATE ${includes})
target_compile_options(libtroupe_objects PRIVATE ${TROUPE_WARNINGS})

foreach(kind SHARED STATIC)
    string(TOLOWER libtroupe_${kind} target)
    add_library(${target} ${kind} $<TARGET_OBJECTS:libtroupe_objects>)
    set_target_properties(${target} PROPERTIES OUTPUT_NAME troupe EXPORT_NAME troupe)
    target_include_directories(${target} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_link_libraries(${target} PUBLIC Threads::Threads)
endforeach()
set(map ${CMAKE_SOURCE_DIR}/cmake/libtroupe.map)
set_target_properties(libtroupe_static PROPERTIES EXPORT_NAME troupe_static)
set_target_properties(libtroupe_shared PROPERTIES
    VERSION ${PROJECT_VERSION} SOVERSION ${soversion} LINK_DEPENDS ${map})
target_link_options(libtroupe_shared PRIVATE -Wl,--version-script=${map} -Wl,--no-undefined)
if(TROUPE_LTO)
    target_link_options(libtroupe_shared PRIVATE -flto=auto -O2)
endif()

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/troupe)
install(TARGETS libtroupe_shared libtroupe_static EXPORT troupe)
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
configure_file(cmake/troupe.pc.in troupe.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/troupe.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(TARGETS troupe)
install(FILES guest/c/troupe_guest.h DESTINATION ${CMAKE_INSTALL_DATADIR}/troupe/guest/c)
install(FILES wit/troupe.wit DESTINATION ${CMAKE_INSTALL_DATADIR}/troupe/wit)
if(TROUPE_ENGINE STREQUAL wheel)
    get_target_property(engine wasmtime INTERFACE_LINK_DIRECTORIES)
    install(FILES ${engine}/libwasmtime.so DESTINATION ${CMAKE_INSTALL_LIBDIR}/troupe)
    # The program was linked with an rpath into .deps, which is not there for whom it is installed.
    install(CODE "file(RPATH_SET FILE \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/troupe\"
        NEW_RPATH \"\\\$ORIGIN/../${CMAKE_INSTALL_LIBDIR}/troupe\")")
endif()
