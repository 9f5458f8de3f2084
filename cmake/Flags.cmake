# Compiler and linker flags of every preset.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
add_compile_definitions(_GNU_SOURCE)
add_compile_options(-fno-omit-frame-pointer)

# Not for the probes of try_run, which are not ours to polish.
set(TROUPE_WARNINGS -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
    -Wvla -Werror)

set(CMAKE_C_FLAGS_DEBUG "-Og -g")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g -D_FORTIFY_SOURCE=2")

# Link-time optimisation for the program and the bench, where a send crosses three rooms; the objects are fat, so that
# unit tests link in no time and nm reads the archives.
set(TROUPE_LTO OFF)
if(CMAKE_BUILD_TYPE STREQUAL Release)
    set(TROUPE_LTO ON)
    add_compile_options(-flto=auto -ffat-lto-objects)
endif()

# What ctest gives to every test program.
set(TROUPE_TEST_ENVIRONMENT "")
if(TROUPE_SANITIZE)
    string(APPEND CMAKE_C_FLAGS_DEBUG " -O1")
    add_compile_options(-fsanitize=${TROUPE_SANITIZE} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${TROUPE_SANITIZE})
    set(TROUPE_TEST_ENVIRONMENT
        "ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:check_initialization_order=1"
        "UBSAN_OPTIONS=print_stacktrace=1"
        "TSAN_OPTIONS=suppressions=${CMAKE_CURRENT_SOURCE_DIR}/tests/tsan.supp:second_deadlock_stack=1")
endif()
