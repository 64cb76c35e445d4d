/* A driver for tests: tests/bench/fakecuda.c, whose GPUs do nothing, with what tests look at and change.
   FAKE_GPUS: how many there are; FAKE_SM: compute capability; FAKE_RESULT_<function>: what that function returns. */
#define _GNU_SOURCE
#include <stdio.h>
#define cuDeviceGetCount fakeDeviceGetCount
#define cuDeviceGet fakeDeviceGet
#define cuDeviceGetAttribute fakeDeviceGetAttribute
#define cuDevicePrimaryCtxRetain fakeDevicePrimaryCtxRetain
#define cuCtxGetCurrent fakeCtxGetCurrent
#define cuCtxSetCurrent fakeCtxSetCurrent
#define cuCtxGetDevice fakeCtxGetDevice
#define cuModuleLoadDataEx fakeModuleLoadDataEx
#define cuFuncGetAttribute fakeFuncGetAttribute
#define cuFuncSetAttribute fakeFuncSetAttribute
#define cuLaunchKernel fakeLaunchKernel
#define cuPointerGetAttribute fakePointerGetAttribute
#define cuGetErrorName fakeGetErrorName
#include "../bench/fakecuda.c"
#undef cuDeviceGetCount
#undef cuDeviceGet
#undef cuDeviceGetAttribute
#undef cuDevicePrimaryCtxRetain
#undef cuCtxGetCurrent
#undef cuCtxSetCurrent
#undef cuCtxGetDevice
#undef cuModuleLoadDataEx
#undef cuFuncGetAttribute
#undef cuFuncSetAttribute
#undef cuLaunchKernel
#undef cuPointerGetAttribute
#undef cuGetErrorName

static int setting(const char *name, int usual) {
  const char *text = getenv(name);
  return text && *text ? atoi(text) : usual;
}
#define RETURN_FORCED(name)                                                                                  \
  do {                                                                                                       \
    int forced = setting("FAKE_RESULT_" name, 0);                                                            \
    if (forced)                                                                                              \
      return forced;                                                                                         \
  } while (0)

static char contexts[8];
static __thread void *current;
struct Seen {
  int loads, isElf, launches, cooperative, device, shared, dynamicShared;
  unsigned grid[3], block[3];
  uint64_t stream, arguments[4];
};
struct Seen seen;

R cuDeviceGetCount(int *n) { *n = setting("FAKE_GPUS", 1); return 0; }
R cuDeviceGet(int *d, int i) { *d = i; return 0; }
R cuDeviceGetAttribute(int *v, int a, int d) {
  int sm = setting("FAKE_SM", 80);
  if (a == 75) { *v = sm / 10; return 0; }
  if (a == 76) { *v = sm % 10; return 0; }
  if (a == 97) { *v = 166912; return 0; }
  return fakeDeviceGetAttribute(v, a, d);
}
R cuDevicePrimaryCtxRetain(void **c, int d) { *c = contexts + d; return 0; }
R cuCtxGetCurrent(void **c) { *c = current; return 0; }
R cuCtxSetCurrent(void *c) { current = c; return 0; }
R cuCtxGetDevice(int *d) { *d = current ? (int)((char *)current - contexts) : 0; return current ? 0 : 201; }
void *test_current(void) { return current; }
void *test_context(int d) { return contexts + d; }
R cuModuleLoadDataEx(void **m, const void *p, unsigned n, void *o, void *v) {
  RETURN_FORCED("load");
  seen.loads++;
  seen.isElf = memcmp(p, "\177ELF", 4) == 0;
  *m = (void *)8;
  return 0;
}
R cuFuncGetAttribute(int *v, int a, void *f) {
  *v = a == 0 ? setting("FAKE_THREADS", 1024) : a == 4 ? 40 : a == 3 ? 16 : a == 1 ? setting("FAKE_STATIC", 0) : 0;
  return 0;
}
R cuFuncSetAttribute(void *f, int a, int v) { if (a == 8) seen.dynamicShared = v; return 0; }
static R launched(unsigned a, unsigned b, unsigned c, unsigned d, unsigned e, unsigned g, unsigned s, void *st, void **p) {
  RETURN_FORCED("launch");
  unsigned grid[3] = {a, b, c}, block[3] = {d, e, g};
  memcpy(seen.grid, grid, sizeof grid);
  memcpy(seen.block, block, sizeof block);
  seen.launches++;
  seen.device = (int)((char *)current - contexts);
  seen.shared = (int)s;
  seen.stream = (uint64_t)st;
  for (int i = 0; i < 4; ++i) memcpy(&seen.arguments[i], p[i], i < 3 ? 8 : 4);
  return 0;
}
R cuLaunchKernel(void *f, unsigned a, unsigned b, unsigned c, unsigned d, unsigned e, unsigned g, unsigned s, void *st, void **p, void **x) {
  return launched(a, b, c, d, e, g, s, st, p);
}
R cuLaunchCooperativeKernel(void *f, unsigned a, unsigned b, unsigned c, unsigned d, unsigned e, unsigned g, unsigned s, void *st, void **p) {
  seen.cooperative++;
  return launched(a, b, c, d, e, g, s, st, p);
}
/* Memory of the GPUs lies below 2^40 here. */
int asked;
R cuPointerGetAttribute(void *d, int a, uint64_t p) { asked++; *(uint64_t *)d = p; return p < (1ull << 40) ? 0 : 1; }
R cuGetErrorName(R e, const char **s) { static __thread char text[32]; snprintf(text, sizeof text, "FAKE_%d", e); *s = text; return 0; }
R cuMemsetD8Async(uint64_t p, unsigned char v, size_t n, void *s) { return 0; }
R cuEventCreate(void **e, unsigned f) { *e = malloc(1); return 0; }
R cuEventDestroy_v2(void *e) { free(e); return 0; }
R cuEventRecord(void *e, void *s) { return 0; }
R cuEventSynchronize(void *e) { return 0; }
R cuEventElapsedTime(float *ms, void *a, void *b) { *ms = 0.25f; return 0; }
