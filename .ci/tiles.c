// Does in software what a processor without AMX cannot, so that tests of the AMX kernel run where it is not.
//
// Preloaded into a program that was built with the encoder's feature `emulated-tiles`: each of its tile instructions raises
// SIGILL, is done here by the manual's pseudocode and stepped over. Whole tiles and bf16 alone, which is what the kernel uses;
// anything else ends the program with what was met. Says at the end how many instructions it did.
//
// Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2: LDTILECFG, TILELOADD, TILESTORED, TDPBF16PS.

#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

enum { TILES = 8, ROWS = 16, ROW_BYTES = 64 };

typedef struct {
    uint8_t row[ROWS][ROW_BYTES];
} Tile;

static _Thread_local Tile tiles[TILES];
static _Thread_local int configured;
static unsigned long done;

// An instruction with a three-byte VEX prefix, taken apart.
typedef struct {
    int prefix, opcode, mod, reg, rm, second, length;
    uint64_t address, stride;
} Instruction;

static void refuse(const char *why, const uint8_t *at) {
    char text[160];
    int length = snprintf(text, sizeof text, "tiles: %s: %02x %02x %02x %02x %02x %02x\n", why, at[0], at[1], at[2],
                          at[3], at[4], at[5]);
    (void)!write(STDERR_FILENO, text, (size_t)length);
    signal(SIGILL, SIG_DFL);
    abort();
}

static uint64_t general(const greg_t *registers, int number) {
    static const int places[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                   REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    return (uint64_t)registers[places[number]];
}

static Instruction taken_apart(const uint8_t *at, const greg_t *registers) {
    const int is_map_0f38 = (at[1] & 0x1f) == 2, is_w0_l0 = (at[2] & 0x84) == 0;
    if (at[0] != 0xc4 || !is_map_0f38 || !is_w0_l0) refuse("no tile instruction", at);
    const int x = at[1] & 0x40 ? 0 : 8, b = at[1] & 0x20 ? 0 : 8;
    Instruction it = {
        .prefix = at[2] & 3,
        .second = ~(at[2] >> 3) & 7,
        .opcode = at[3],
        .mod = at[4] >> 6,
        .reg = at[4] >> 3 & 7,
        .rm = at[4] & 7,
        .length = 5,
    };
    if (it.mod == 3) return it;
    int base = it.rm | b;
    if (it.rm == 4) {
        const int scaled = at[it.length++], index = (scaled >> 3 & 7) | x;
        base = (scaled & 7) | b;
        if (index != 4) it.stride = general(registers, index) << (scaled >> 6);
    }
    if (it.mod == 0 && (base & 7) == 5) refuse("an address without a base", at);
    it.address = general(registers, base);
    if (it.mod == 1) {
        it.address += (uint64_t)(int8_t)at[it.length];
        it.length += 1;
    } else if (it.mod == 2) {
        int32_t displacement;
        memcpy(&displacement, at + it.length, sizeof displacement);
        it.address += (uint64_t)displacement;
        it.length += 4;
    }
    return it;
}

static void configure(const uint8_t *wanted, const uint8_t *at) {
    const uint8_t *row_bytes = wanted + 16, *rows = wanted + 48;
    int is_whole = wanted[0] == 1 && wanted[1] == 0;
    for (int tile = 0; tile < TILES; tile++) {
        is_whole &= row_bytes[2 * tile] == ROW_BYTES && row_bytes[2 * tile + 1] == 0 && rows[tile] == ROWS;
    }
    if (!is_whole) refuse("other tiles than whole ones", at);
    memset(tiles, 0, sizeof tiles);
    configured = 1;
}

// Denormal numbers count as zero.
static float widened(uint16_t bf16) {
    const uint32_t bits = (uint32_t)bf16 << 16;
    const uint32_t kept = bits & 0x7f800000 ? bits : bits & 0x80000000;
    float value;
    memcpy(&value, &kept, sizeof value);
    return value;
}

static void multiply(Tile *sums, const Tile *rows, const Tile *columns) {
    for (int row = 0; row < ROWS; row++) {
        float sum[ROWS];
        uint16_t left[2 * ROWS], right[2 * ROWS];
        memcpy(sum, sums->row[row], ROW_BYTES);
        memcpy(left, rows->row[row], ROW_BYTES);
        for (int pair = 0; pair < ROWS; pair++) {
            memcpy(right, columns->row[pair], ROW_BYTES);
            const float even = widened(left[2 * pair]), odd = widened(left[2 * pair + 1]);
            for (int column = 0; column < ROWS; column++) {
                sum[column] += even * widened(right[2 * column]);
                sum[column] += odd * widened(right[2 * column + 1]);
            }
        }
        memcpy(sums->row[row], sum, ROW_BYTES);
    }
}

static void execute(const Instruction *it, const uint8_t *at) {
    enum { NONE, P66, F3, F2 };
    Tile *tile = &tiles[it->reg];
    const int is_memory = it->mod != 3;
    if (it->opcode == 0x49 && it->prefix == NONE && is_memory) return configure((const uint8_t *)it->address, at);
    if (it->opcode == 0x49 && it->prefix == NONE && it->rm == 0) {
        configured = 0;
        return;
    }
    if (!configured) refuse("tiles are not configured", at);
    if (it->opcode == 0x49 && it->prefix == F2 && !is_memory) {
        memset(tile, 0, sizeof *tile);
    } else if (it->opcode == 0x4b && (it->prefix == F2 || it->prefix == P66) && it->rm == 4) {
        for (int row = 0; row < ROWS; row++) {
            memcpy(tile->row[row], (const void *)(it->address + (uint64_t)row * it->stride), ROW_BYTES);
        }
    } else if (it->opcode == 0x4b && it->prefix == F3 && it->rm == 4) {
        for (int row = 0; row < ROWS; row++) {
            memcpy((void *)(it->address + (uint64_t)row * it->stride), tile->row[row], ROW_BYTES);
        }
    } else if (it->opcode == 0x5c && it->prefix == F3 && !is_memory) {
        multiply(tile, &tiles[it->rm], &tiles[it->second]);
    } else {
        refuse("an instruction that is not known here", at);
    }
}

static void on_illegal(int signal_number, siginfo_t *info, void *context) {
    (void)signal_number, (void)info;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const uint8_t *at = (const uint8_t *)registers[REG_RIP];
    const Instruction it = taken_apart(at, registers);
    execute(&it, at);
    registers[REG_RIP] += it.length;
    __atomic_fetch_add(&done, 1, __ATOMIC_RELAXED);
}

__attribute__((constructor)) static void begin(void) {
    struct sigaction action = {.sa_sigaction = on_illegal, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGILL, &action, NULL);
}

__attribute__((destructor)) static void end(void) {
    fprintf(stderr, "tiles: %lu instructions done in software\n", done);
}
