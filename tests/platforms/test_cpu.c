/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions on dumps of CPUs that the build machine is not; then this machine against cpuinfo's opinion. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cpuinfo.h>

#include "platforms/cpu/cpu_record.h"
#include "tests/unit.h"

#define INTEL {0, 0, 0x16, 0x756e6547, 0x6c65746e, 0x49656e69}
#define AMD {0, 0, 0x10, 0x68747541, 0x444d4163, 0x69746e65}

typedef struct x86_case {
  const char *what, *uarch;
  bnc_cpu_level level;
  uint64_t xcr0;
  bnc_cpuid_leaf leaves[4];
} x86_case;

static const x86_case x86_cases[] = {
    {"Zen 3 (recorded under KVM)",
     "Zen 3",
     BNC_CPU_AVX2,
     0x7,
     {AMD, {1, 0, 0x00a00f11, 0x01020800, 0xfffa3203, 0x178bfbff}, {7, 0, 0, 0x219c07ab, 0x00400684, 0x00000010}}},
    {"Zen 4",
     "Zen 4",
     BNC_CPU_AVX512BF16,
     0x2e7,
     {AMD, {1, 0, 0x00a60f12, 0x00200800, 0x7ef8320b, 0x178bfbff}, {7, 0, 1, 0xf1bf97a9, 0x00405fce, 0x10000010}, {7, 1, 0x20, 0, 0, 0}}},
    {"Cascade Lake",
     "Cascade Lake",
     BNC_CPU_AVX512VNNI,
     0x2e7,
     {INTEL, {1, 0, 0x00050657, 0x00400800, 0x7ffefbff, 0xbfebfbff}, {7, 0, 0, 0xd39ffffb, 0x00000808, 0xbc000400}}},
    {"Sapphire Rapids",
     "Sapphire Rapids",
     BNC_CPU_AMX,
     0x602e7,
     {INTEL,
      {1, 0, 0x000806f8, 0x00400800, 0x7ffefbff, 0xbfebfbff},
      {7, 0, 2, 0xf3bfb7ef, 0x1a1f4f4e, 0xffdc4432},
      {7, 1, 0x1c30, 0, 0, 0}}},
    {"tiles under the number of Rocket Lake (recorded under KVM)",
     "Sapphire Rapids+",
     BNC_CPU_AMX,
     0x602e7,
     {INTEL,
      {1, 0, 0x000a0671, 0x00020800, 0x7ffefbff, 0xbfebfbff},
      {7, 0, 2, 0xf3bfb7ef, 0x1a1f4f4e, 0xffdc4432},
      {7, 1, 0x1c30, 0, 0, 0}}},
    {"Skylake-SP: AVX-512 without VNNI",
     "Skylake-SP",
     BNC_CPU_AVX2,
     0x2e7,
     {INTEL, {1, 0, 0x00050654, 0x00400800, 0x7ffefbff, 0xbfebfbff}, {7, 0, 0, 0xd39ffffb, 0x00000008, 0xbc000400}}},
    {"Alder Lake, AVX-512 fused off",
     "Alder Lake",
     BNC_CPU_AVX2,
     0x207,
     {INTEL,
      {1, 0, 0x00090672, 0x00800800, 0x7ffafbbf, 0xbfebfbff},
      {7, 0, 2, 0x239c27eb, 0x98c007bc, 0xfc18c410},
      {7, 1, 0x00401c30, 0, 0, 0}}},
    {"Haswell",
     "Haswell",
     BNC_CPU_AVX2,
     0x7,
     {INTEL, {1, 0, 0x000306c3, 0x00100800, 0x7ffafbff, 0xbfebfbff}, {7, 0, 0, 0x000027ab, 0, 0x9c000600}}},
    {"Sandy Bridge: AVX only", "Sandy Bridge", BNC_CPU_SCALAR, 0x7, {INTEL, {1, 0, 0x000206a7, 0x00100800, 0x1fbae3ff, 0xbfebfbff}}},
    {"Cascade Lake, system saves SSE alone (OSXSAVE clear)",
     "Cascade Lake",
     BNC_CPU_SCALAR,
     0,
     {INTEL, {1, 0, 0x00050657, 0x00400800, 0x77fefbff, 0xbfebfbff}, {7, 0, 0, 0xd39ffffb, 0x00000808, 0xbc000400}}},
    {"Cascade Lake, XCR0 without YMM",
     "Cascade Lake",
     BNC_CPU_SCALAR,
     0x3,
     {INTEL, {1, 0, 0x00050657, 0x00400800, 0x7ffefbff, 0xbfebfbff}, {7, 0, 0, 0xd39ffffb, 0x00000808, 0xbc000400}}},
    {"Cascade Lake, XCR0 without ZMM",
     "Cascade Lake",
     BNC_CPU_AVX2,
     0x7,
     {INTEL, {1, 0, 0x00050657, 0x00400800, 0x7ffefbff, 0xbfebfbff}, {7, 0, 0, 0xd39ffffb, 0x00000808, 0xbc000400}}},
    {"Cascade Lake, XCR0 with opmask but half of ZMM",
     "Cascade Lake",
     BNC_CPU_AVX2,
     0x67,
     {INTEL, {1, 0, 0x00050657, 0x00400800, 0x7ffefbff, 0xbfebfbff}, {7, 0, 0, 0xd39ffffb, 0x00000808, 0xbc000400}}},
    {"Haswell whose hypervisor hides FMA",
     "Haswell",
     BNC_CPU_SCALAR,
     0x7,
     {INTEL, {1, 0, 0x000306c3, 0x00100800, 0x7ffaebff, 0xbfebfbff}, {7, 0, 0, 0x000027ab, 0, 0x9c000600}}},
    {"leaf 7 limited away by the BIOS",
     "Haswell",
     BNC_CPU_SCALAR,
     0x7,
     {{0, 0, 3, 0x756e6547, 0x6c65746e, 0x49656e69}, {1, 0, 0x000306c3, 0, 0x7ffafbff, 0xbfebfbff}, {7, 0, 0, 0x000027ab, 0, 0}}},
    {"nothing known", "unknown", BNC_CPU_SCALAR, 0xff, {{0, 0, 0, 0, 0, 0}}},
};

static void x86_dumps(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof x86_cases / sizeof x86_cases[0]; i++) {
    const x86_case *c = &x86_cases[i];
    bnc_cpu_x86_record r = {c->leaves, 4, c->xcr0};
    bnc_cpu_level level = bnc_cpu_best_level(BNC_ARCH_X86_64, bnc_cpu_x86_features(&r));
    if (level != c->level) fail_msg("%s: found %s, expected %s", c->what, bnc_cpu_level_name(level), bnc_cpu_level_name(c->level));
    if (strcmp(bnc_cpu_x86_uarch(&r), c->uarch) != 0) fail_msg("%s: found %s", c->what, bnc_cpu_x86_uarch(&r));
  }
  bnc_cpu_x86_record alder = {x86_cases[6].leaves, 4, 0x207}, rapids = {x86_cases[3].leaves, 4, 0x602e7};
  assert_true(bnc_cpu_x86_features(&rapids) & BNC_CPU_HAS_AMX_INT8 && bnc_cpu_x86_features(&rapids) & BNC_CPU_HAS_AMX_BF16);
  rapids.xcr0 = 0x2e7; /* a system that does not save tiles */
  assert_int_equal(bnc_cpu_best_level(BNC_ARCH_X86_64, bnc_cpu_x86_features(&rapids)), BNC_CPU_AVX512VNNI);
  assert_false(bnc_cpu_x86_features(&rapids) & (BNC_CPU_HAS_AMX_INT8 | BNC_CPU_HAS_AMX_BF16));
  assert_true(bnc_cpu_x86_features(&alder) & BNC_CPU_HAS_AVXVNNI);
  assert_false(bnc_cpu_x86_features(&alder) & BNC_CPU_HAS_AVX512F);
}

static void x86_brand(void **state) {
  (void)state;
  /* "      Intel(R) Core(TM)  i7 CPU", padded in front, a run of blanks inside, NUL at the end. */
  char text[48] = "      Intel(R) Core(TM)  i7 CPU";
  bnc_cpuid_leaf leaves[4] = {{0x80000000u, 0, 0x80000008u, 0, 0, 0}};
  for (uint32_t i = 0; i < 3; i++) {
    uint32_t w[4];
    memcpy(w, text + 16 * i, 16);
    leaves[1 + i] = (bnc_cpuid_leaf){0x80000002u + i, 0, w[0], w[1], w[2], w[3]};
  }
  bnc_cpu_x86_record r = {leaves, 4, 0};
  char brand[64], small[10];
  bnc_cpu_x86_brand(&r, brand, sizeof brand);
  assert_string_equal(brand, "Intel(R) Core(TM) i7 CPU");
  bnc_cpu_x86_brand(&r, small, sizeof small);
  assert_string_equal(small, "Intel(R)");
  r.count = 0;
  bnc_cpu_x86_brand(&r, brand, sizeof brand);
  assert_string_equal(brand, "unknown");
}

static const struct {
  const char *what;
  bnc_cpu_arm_record record;
  bnc_cpu_level level;
} arm_cases[] = {
    {"Cortex-A53, Raspberry Pi 3", {BNC_ARCH_AARCH64, 0x8ff, 0}, BNC_CPU_NEON},
    {"Cortex-A72, Raspberry Pi 4", {BNC_ARCH_AARCH64, 0x887, 0}, BNC_CPU_NEON},
    {"Cortex-A76, Raspberry Pi 5", {BNC_ARCH_AARCH64, 0x119fff, 0}, BNC_CPU_NEON_DOTPROD},
    {"Cortex-A78AE, Jetson Orin", {BNC_ARCH_AARCH64, 0x1e119fff, 0}, BNC_CPU_NEON_DOTPROD},
    {"Cortex-X2", {BNC_ARCH_AARCH64, 0xffffffff, 0x7f3ff}, BNC_CPU_NEON_BF16},
    {"i8mm without bf16", {BNC_ARCH_AARCH64, 0xffffffff, 0x7b3ff}, BNC_CPU_NEON_I8MM},
    {"bf16 without i8mm cannot be level bf16", {BNC_ARCH_AARCH64, 0xffffffff, 0x7d3ff}, BNC_CPU_NEON_DOTPROD},
    {"i8mm without dot product cannot be level i8mm", {BNC_ARCH_AARCH64, 0x8ff, 1u << 13}, BNC_CPU_NEON},
    {"no Advanced SIMD at all", {BNC_ARCH_AARCH64, 1u << 20, 1u << 13}, BNC_CPU_SCALAR},
    {"armhf Cortex-A7, Raspberry Pi 2", {BNC_ARCH_ARMHF, 0x3fb0d6, 0x10}, BNC_CPU_NEON},
    {"armhf Cortex-A9: NEON without VFPv4", {BNC_ARCH_ARMHF, 0x00b0d6, 0}, BNC_CPU_SCALAR},
    {"armhf ARM1176: no NEON", {BNC_ARCH_ARMHF, 0x8197, 0}, BNC_CPU_SCALAR},
    {"armhf on a Cortex-A76 kernel 6.6", {BNC_ARCH_ARMHF, 0x1ffb0d6, 0x1f}, BNC_CPU_NEON_DOTPROD},
    {"armhf with i8mm stays at dotprod", {BNC_ARCH_ARMHF, 0xfffb0d6, 0x1f}, BNC_CPU_NEON_DOTPROD},
};

static void arm_dumps(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof arm_cases / sizeof arm_cases[0]; i++) {
    const bnc_cpu_arm_record *r = &arm_cases[i].record;
    bnc_cpu_level level = bnc_cpu_best_level(r->arch, bnc_cpu_arm_features(r));
    if (level != arm_cases[i].level)
      fail_msg("%s: found %s, expected %s", arm_cases[i].what, bnc_cpu_level_name(level), bnc_cpu_level_name(arm_cases[i].level));
  }
  assert_string_equal(bnc_cpu_arm_part_find(0x414fd0b1)->name, "Cortex-A76");
  assert_string_equal(bnc_cpu_arm_part_find(0x410fd421)->name, "Cortex-A78AE");
  assert_true(bnc_cpu_arm_part_find(0x410fd034)->little);
  assert_null(bnc_cpu_arm_part_find(0));
}

static void names(void **state) {
  (void)state;
  for (unsigned i = 0; i < BNC_CPU_LEVELS; i++) {
    bnc_cpu_level back;
    assert_true(bnc_cpu_level_from_name(bnc_cpu_level_name((bnc_cpu_level)i), &back));
    assert_int_equal(back, i);
  }
  bnc_cpu_level none;
  assert_false(bnc_cpu_level_from_name("AVX2", &none));
  assert_false(bnc_cpu_level_from_name("", &none));
  assert_string_equal(bnc_cpu_level_name((bnc_cpu_level)99), "unknown");
}

static void cap(void **state) {
  (void)state;
  uint32_t avx2 = bnc_cpu_level_features(BNC_CPU_AVX2, BNC_ARCH_X86_64);
  uint32_t dot = bnc_cpu_level_features(BNC_CPU_NEON_DOTPROD, BNC_ARCH_AARCH64);
  bnc_cpu_level level;
  bnc_error err;
  assert_int_equal(bnc_cpu_cap_level(NULL, BNC_ARCH_X86_64, avx2, &level, &err), BNC_OK);
  assert_int_equal(level, BNC_CPU_AVX2);
  assert_int_equal(bnc_cpu_cap_level("scalar", BNC_ARCH_X86_64, avx2, &level, &err), BNC_OK);
  assert_int_equal(level, BNC_CPU_SCALAR);
  assert_int_equal(bnc_cpu_cap_level("neon", BNC_ARCH_AARCH64, dot, &level, &err), BNC_OK);
  assert_int_equal(level, BNC_CPU_NEON);
  assert_int_equal(bnc_cpu_cap_level("avx512vnni", BNC_ARCH_X86_64, avx2, &level, &err), BNC_ERROR_UNSUPPORTED);
  assert_non_null(strstr(err.text, "scalar, avx2"));
  assert_int_equal(bnc_cpu_cap_level("neon", BNC_ARCH_X86_64, avx2, &level, &err), BNC_ERROR_UNSUPPORTED);
  assert_int_equal(bnc_cpu_cap_level("avx2", BNC_ARCH_AARCH64, dot, &level, &err), BNC_ERROR_UNSUPPORTED);
  assert_non_null(strstr(err.text, "scalar, neon, neon_dotprod"));
  assert_int_equal(bnc_cpu_cap_level("avx", BNC_ARCH_X86_64, avx2, &level, &err), BNC_ERROR_ARGUMENT);
  assert_non_null(strstr(err.text, "'avx'"));
  uint32_t slow = bnc_cpu_level_features(BNC_CPU_AVX512BF16, BNC_ARCH_X86_64) | BNC_CPU_SLOW_BF16; /* may be asked for */
  assert_int_equal(bnc_cpu_cap_level(NULL, BNC_ARCH_X86_64, slow, &level, &err), BNC_OK);
  assert_int_equal(level, BNC_CPU_AVX512VNNI);
  assert_int_equal(bnc_cpu_cap_level("avx512bf16", BNC_ARCH_X86_64, slow, &level, &err), BNC_OK);
  assert_int_equal(level, BNC_CPU_AVX512BF16);
}

static void includes(void **state) {
  (void)state;
  assert_true(bnc_cpu_level_includes(BNC_CPU_AMX, BNC_CPU_AVX512VNNI) && bnc_cpu_level_includes(BNC_CPU_AVX2, BNC_CPU_AVX2));
  assert_true(bnc_cpu_level_includes(BNC_CPU_NEON, BNC_CPU_SCALAR) && bnc_cpu_level_includes(BNC_CPU_NEON_BF16, BNC_CPU_NEON));
  assert_false(bnc_cpu_level_includes(BNC_CPU_AVX2, BNC_CPU_AVX512VNNI) || bnc_cpu_level_includes(BNC_CPU_SCALAR, BNC_CPU_AVX2));
  assert_false(bnc_cpu_level_includes(BNC_CPU_NEON, BNC_CPU_AVX2) || bnc_cpu_level_includes(BNC_CPU_AMX, BNC_CPU_NEON));
}

static void this_machine(void **state) {
  (void)state;
  bnc_cpu cpu;
  bnc_cpu_level level;
  unsetenv("BINOCLE_CPU");
  assert_int_equal(bnc_cpu_detect(&cpu, NULL), BNC_OK);
  assert_int_equal(bnc_cpu_detect_level(&level, NULL), BNC_OK);
  assert_int_equal(level, cpu.level);
  assert_true(bnc_cpu_level_supported(&cpu, cpu.level));
  assert_true(cpu.cores >= 1 && cpu.cpus >= cpu.cores && cpu.cluster_count >= 1);
  assert_true(cpuinfo_initialize());
#if defined(__x86_64__)
  assert_int_equal(bnc_cpu_level_supported(&cpu, BNC_CPU_AVX2), cpuinfo_has_x86_avx2() && cpuinfo_has_x86_fma3() && cpuinfo_has_x86_f16c());
  assert_int_equal(bnc_cpu_level_supported(&cpu, BNC_CPU_AVX512VNNI),
                   cpuinfo_has_x86_avx512vnni() && cpuinfo_has_x86_avx512vl() && cpuinfo_has_x86_avx512bw() && cpuinfo_has_x86_avx512dq());
#elif defined(__aarch64__)
  assert_int_equal(bnc_cpu_level_supported(&cpu, BNC_CPU_NEON_DOTPROD), cpuinfo_has_arm_neon_dot());
  assert_int_equal(bnc_cpu_level_supported(&cpu, BNC_CPU_NEON_I8MM), cpuinfo_has_arm_neon_dot() && cpuinfo_has_arm_i8mm());
#endif
  setenv("BINOCLE_CPU", "scalar", 1);
  assert_int_equal(bnc_cpu_detect(&cpu, NULL), BNC_OK);
  assert_int_equal(cpu.level, BNC_CPU_SCALAR);
  assert_int_equal(cpu.supported, level);
  setenv("BINOCLE_CPU", "fastest", 1);
  assert_int_equal(bnc_cpu_detect_level(&level, NULL), BNC_ERROR_ARGUMENT);
  unsetenv("BINOCLE_CPU");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(x86_dumps), cmocka_unit_test(x86_brand), cmocka_unit_test(arm_dumps),    cmocka_unit_test(includes),
      cmocka_unit_test(names),     cmocka_unit_test(cap),       cmocka_unit_test(this_machine),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
