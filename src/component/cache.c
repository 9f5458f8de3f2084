/* cache.c - compiled modules by content.
 *
 * A file is: magic, hash, artifact. The engine takes most damaged artifacts for good ones and then runs them, so the
 * hash is checked before the engine sees a byte; it is bound to the key, so that a file under another's name is refused.
 * A file that is not right is compiled anew and replaced. Files are written aside and renamed: a reader sees a whole one.
 * The key covers engine version, settings and the module; old files of other versions are never asked for.
 */
#include "cache.h"

#include "engine.h"
#include "trap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SETTINGS "dense 1"
#define MAGIC "troupe-artifact1"
#define MAGIC_SIZE (sizeof(MAGIC) - 1)
#define HEAD_SIZE (MAGIC_SIZE + TRP_KEY_SIZE)

_Static_assert(TRP_KEY_SIZE == crypto_generichash_BYTES, "one hash for both");

/* ---- the directory ---- */

static bool make_dirs(char *path)
{
    for (char *slash = path; (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        (void)mkdir(path, 0755);
        *slash = '/';
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

troupe_status trp_cache_open(const char *dir, char *why, size_t why_size)
{
    char path[PATH_MAX];
    struct stat stat_of;

    if (dir[0] == '\0' || strlen(dir) + 80 > sizeof(path)) {
        (void)snprintf(why, why_size, "the path is empty or too long");
        return TROUPE_E_IO;
    }
    (void)snprintf(path, sizeof(path), "%s", dir);
    if (!make_dirs(path) || access(path, W_OK | X_OK) != 0 || stat(path, &stat_of) != 0) {
        (void)snprintf(why, why_size, "%s", strerror(errno));
        return TROUPE_E_IO;
    }
    if (!S_ISDIR(stat_of.st_mode)) {
        (void)snprintf(why, why_size, "is no directory");
        return TROUPE_E_IO;
    }
    /* What lies there is run as it is: nobody else may have written it. */
    if (stat_of.st_uid != geteuid() || (stat_of.st_mode & 022) != 0) {
        (void)snprintf(why, why_size, "others may write there, and what lies there is run");
        return TROUPE_E_IO;
    }
    return TROUPE_OK;
}

static void file_name(const troupe_engine *engine, const unsigned char *key, char path[PATH_MAX])
{
    char hex[2 * TRP_KEY_SIZE + 1];

    (void)snprintf(path, PATH_MAX, "%s/%s.cwasm", engine->cache_dir,
                   sodium_bin2hex(hex, sizeof(hex), key, TRP_KEY_SIZE));
}

/* ---- hashes ---- */

static void make_key(const troupe_engine *engine, troupe_bytes wasm, unsigned char *ret_key)
{
    static const char origin[] = SETTINGS " " WASMTIME_VERSION " " TROUPE_ENGINE_ORIGIN;
    const unsigned char fuel = engine->fuel;
    crypto_generichash_state state;

    TROUPE_ASSERT(sodium_init() >= 0); /* any number of times is fine */
    crypto_generichash_init(&state, NULL, 0, TRP_KEY_SIZE);
    crypto_generichash_update(&state, (const unsigned char *)origin, sizeof(origin));
    crypto_generichash_update(&state, &fuel, 1);
    crypto_generichash_update(&state, wasm.data, wasm.size);
    crypto_generichash_final(&state, ret_key, TRP_KEY_SIZE);
}

static void hash_artifact(const unsigned char *key, troupe_bytes artifact, unsigned char *ret_hash)
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, NULL, 0, TRP_KEY_SIZE);
    crypto_generichash_update(&state, key, TRP_KEY_SIZE);
    crypto_generichash_update(&state, artifact.data, artifact.size);
    crypto_generichash_final(&state, ret_hash, TRP_KEY_SIZE);
}

/* ---- files ---- */

static bool read_all(int file, unsigned char *to, size_t size)
{
    while (size > 0) {
        ssize_t n = read(file, to, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        to += n;
        size -= (size_t)n;
    }
    return true;
}

static bool write_all(int file, const void *from, size_t size)
{
    const unsigned char *at = from;

    while (size > 0) {
        ssize_t n = write(file, at, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

/* The whole file, NULL when there is none. The caller frees it. */
static unsigned char *read_file(const char *path, size_t *ret_size)
{
    unsigned char *bytes = NULL;
    struct stat stat_of;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO would wait for a writer */

    if (file < 0)
        return NULL;
    if (fstat(file, &stat_of) == 0 && S_ISREG(stat_of.st_mode) && stat_of.st_size > 0)
        bytes = trp_alloc((size_t)stat_of.st_size);
    if (bytes && !read_all(file, bytes, (size_t)stat_of.st_size)) {
        trp_free(bytes);
        bytes = NULL;
    }
    (void)close(file);
    if (bytes)
        *ret_size = (size_t)stat_of.st_size;
    return bytes;
}

static wasmtime_module_t *load_artifact(const troupe_engine *engine, const unsigned char *key)
{
    char path[PATH_MAX];
    unsigned char hash[TRP_KEY_SIZE];
    wasmtime_module_t *module = NULL;
    unsigned char *file;
    size_t size;

    if (!engine->cache_dir)
        return NULL;
    file_name(engine, key, path);
    file = read_file(path, &size);
    if (!file)
        return NULL;
    if (size > HEAD_SIZE && memcmp(file, MAGIC, MAGIC_SIZE) == 0) {
        troupe_bytes artifact = {file + HEAD_SIZE, size - HEAD_SIZE};

        hash_artifact(key, artifact, hash);
        if (sodium_memcmp(hash, file + MAGIC_SIZE, TRP_KEY_SIZE) == 0) {
            wasmtime_error_t *error =
                wasmtime_module_deserialize(engine->wasm, artifact.data, artifact.size, &module);
            char text[256];

            if (error) {
                trp_error_text(error, text, sizeof(text));
                module = NULL;
            }
        }
    }
    trp_free(file);
    return module;
}

/* A cache that cannot be written costs time, nothing else: no error leaves here. */
static void store_artifact(const troupe_engine *engine, const trp_module *module)
{
    char path[PATH_MAX], aside[PATH_MAX];
    unsigned char hash[TRP_KEY_SIZE];
    wasm_byte_vec_t artifact;
    wasmtime_error_t *error;
    bool whole;
    int file;

    if (!engine->cache_dir)
        return;
    error = wasmtime_module_serialize(module->wasm, &artifact);
    if (error) {
        wasmtime_error_delete(error);
        return;
    }
    file_name(engine, module->key, path);
    (void)snprintf(aside, sizeof(aside), "%s/.new-XXXXXX", engine->cache_dir);
    file = mkostemp(aside, O_CLOEXEC);
    if (file >= 0) {
        hash_artifact(module->key, (troupe_bytes){artifact.data, artifact.size}, hash);
        whole = write_all(file, MAGIC, MAGIC_SIZE) && write_all(file, hash, sizeof(hash)) &&
                write_all(file, artifact.data, artifact.size);
        whole = close(file) == 0 && whole;
        if (!whole || rename(aside, path) != 0)
            (void)unlink(aside);
    }
    wasm_byte_vec_delete(&artifact);
}

/* ---- modules ---- */

static trp_module *find_locked(troupe_engine *engine, const unsigned char *key)
{
    for (trp_link *link = engine->modules.next; link != &engine->modules; link = link->next) {
        trp_module *module = TRP_OF(link, trp_module, link);

        if (memcmp(module->key, key, TRP_KEY_SIZE) == 0) {
            module->users++;
            return module;
        }
    }
    return NULL;
}

static trp_module *find(troupe_engine *engine, const unsigned char *key)
{
    trp_module *module;

    trp_mutex_lock(&engine->lock);
    module = find_locked(engine, key);
    trp_mutex_unlock(&engine->lock);
    return module;
}

/* Another thread may have compiled the same meanwhile: the first one in the list is kept. */
static trp_module *keep(troupe_engine *engine, trp_module *fresh)
{
    trp_module *module;

    trp_mutex_lock(&engine->lock);
    module = find_locked(engine, fresh->key);
    if (!module)
        trp_list_append(&engine->modules, &fresh->link);
    trp_mutex_unlock(&engine->lock);
    if (!module)
        return fresh;
    wasmtime_module_delete(fresh->wasm);
    trp_free(fresh);
    return module;
}

troupe_status trp_module_get(troupe_engine *engine, troupe_bytes wasm, trp_module **ret_module,
                             bool *ret_cached, char *why, size_t why_size)
{
    trp_module *module;
    unsigned char key[TRP_KEY_SIZE];
    wasmtime_error_t *error;

    make_key(engine, wasm, key);
    module = find(engine, key);
    *ret_cached = true;
    if (module) {
        *ret_module = module;
        return TROUPE_OK;
    }
    module = trp_alloc_zeroed(sizeof(*module));
    if (!module) {
        (void)snprintf(why, why_size, "memory is out");
        return TROUPE_E_NO_MEMORY;
    }
    module->users = 1;
    memcpy(module->key, key, sizeof(key));
    module->wasm = load_artifact(engine, key);
    if (!module->wasm) {
        *ret_cached = false;
        error = wasmtime_module_new(engine->wasm, wasm.data, wasm.size, &module->wasm);
        if (error) {
            trp_error_text(error, why, why_size);
            trp_free(module);
            return TROUPE_E_INVALID;
        }
        store_artifact(engine, module);
    }
    *ret_module = keep(engine, module);
    return TROUPE_OK;
}

void trp_module_put(troupe_engine *engine, trp_module *module)
{
    bool last;

    if (!module)
        return;
    trp_mutex_lock(&engine->lock);
    last = --module->users == 0;
    if (last)
        trp_list_remove(&module->link);
    trp_mutex_unlock(&engine->lock);
    if (last) {
        wasmtime_module_delete(module->wasm);
        trp_free(module);
    }
}
