/* A QEMU plugin: instructions executed between two addresses, a= and b=, to the digit.
 *
 *     cc -O2 -shared -fPIC count.c -o count.so
 *     qemu-system-arm -plugin count.so,a=0x1234,b=0x1240 ...
 *
 * Its line on standard error: "count INSTRUCTIONS path P data D". P is a checksum of every
 * instruction's address, in order; D, with t=1, of every address read or written: equal checksums of two
 * keys mean that neither branches nor addresses depended on the key.
 *
 * Debian ships QEMU with plugins enabled and without their header: the few prototypes of its
 * plugin interface, version 1, stand here. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, void (*)(unsigned, void *), int,
                                          void *);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *,
                                      void (*)(unsigned, uint32_t, uint64_t, void *), int, int,
                                      void *);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

typedef struct {
    size_t count;
    uint32_t places[];
} block;

static uint32_t from, to, tracing;
static int counting;
static uint64_t counted, path, data_path;

/* FNV-1a, a word at a time. */
static uint64_t mix(uint64_t sum, uint64_t value)
{
    return (sum ^ value) * 1099511628211u;
}

static void touched(unsigned cpu, uint32_t how, uint64_t address, void *at)
{
    (void)cpu, (void)how;
    if (counting)
        data_path = mix(mix(data_path, address), (uintptr_t)at);
}

static void executed(unsigned cpu, void *data)
{
    const block *at = data;
    (void)cpu;
    if (at->places[0] == from) {
        counting = 1;
        counted = path = data_path = 0;
    } else if (at->places[0] == to && counting) {
        counting = 0;
        fprintf(stderr, "count %" PRIu64 " path %" PRIx64 " data %" PRIx64 "\n", counted, path,
                data_path);
    } else if (counting) {
        counted += at->count;
        for (size_t i = 0; i < at->count; i++)
            path = mix(path, at->places[i]);
    }
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
    const size_t count = qemu_plugin_tb_n_insns(tb);
    block *at = malloc(sizeof *at + count * sizeof at->places[0]); /* as long as QEMU runs */
    (void)id;
    if (at == NULL)
        abort();
    at->count = count;
    for (size_t i = 0; i < count; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        at->places[i] = (uint32_t)qemu_plugin_insn_vaddr(insn);
        if (tracing)
            qemu_plugin_register_vcpu_mem_cb(insn, touched, 0, 3,
                                             (void *)(uintptr_t)at->places[i]);
    }
    qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, 0, at);
}

__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const void *info,
                                                               int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        uint32_t *which = argv[i][0] == 'a' ? &from : argv[i][0] == 'b' ? &to : &tracing;
        if (strchr(argv[i], '=') == NULL)
            return 1;
        *which = (uint32_t)strtoul(strchr(argv[i], '=') + 1, NULL, 0);
    }
    from &= ~1u;
    to &= ~1u;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
