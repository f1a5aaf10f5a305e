// What a GPU has and a CPU has not. The same kernels, compiled as C++ with an `emulation.h` that defines these names,
// are checked without a GPU.

#ifndef WARP_THREADS
#define WARP_THREADS 32  // that run in step
#endif

#ifdef __CUDACC__
#define DEVICE static __device__ __forceinline__
#define DEVICE_MEMBER __device__ __forceinline__
// Called, not inlined: what is rare stays out of the loops. Small structures go by value, so that they stay in registers.
#define OUTLINE static __device__ __noinline__
#define KERNEL(threads, blocks) extern "C" __global__ void __launch_bounds__(threads, blocks)
#define BY_VALUE const __grid_constant__
#define RESTRICT __restrict__
#define UNROLL _Pragma("unroll")
#define UNROLL_BY(times) PRAGMA(unroll times)
#define PRAGMA(text) _Pragma(#text)

DEVICE char* shared_memory() {
    extern __shared__ __align__(16) char bytes[];
    return bytes;
}

DEVICE void add(int* sum, int value) { atomicAdd(sum, value); }

// Two's complement: adding a negative number is adding its bits.
DEVICE void add(long long* sum, long long value) {
    atomicAdd(reinterpret_cast<unsigned long long*>(sum), static_cast<unsigned long long>(value));
}

DEVICE void raise(int* flag) { atomicOr(flag, 1); }

DEVICE int thread_index() { return threadIdx.x; }
DEVICE int block_threads() { return blockDim.x; }
DEVICE int block_index_x() { return blockIdx.x; }
DEVICE int block_index_y() { return blockIdx.y; }
DEVICE int grid_blocks_x() { return gridDim.x; }
DEVICE int grid_blocks_y() { return gridDim.y; }

DEVICE void block_barrier() { __syncthreads(); }
DEVICE void warp_barrier() { __syncwarp(); }

// One instruction each, which compilers do not find by themselves.
DEVICE unsigned long long wide_product(unsigned a, unsigned b) {
    unsigned long long wide;
    asm("mul.wide.u32 %0, %1, %2;" : "=l"(wide) : "r"(a), "r"(b));
    return wide;
}

DEVICE void set_if_below(unsigned& bits, unsigned bit, unsigned value, unsigned limit) {
    asm("{ .reg .pred below; setp.lt.u32 below, %2, %3; @below or.b32 %0, %0, %1; }"
        : "+r"(bits)
        : "r"(bit), "r"(value), "r"(limit));
}

DEVICE int ones(unsigned bits) { return __popc(bits); }

// Number of the lowest bit set; there is one.
DEVICE int lowest(unsigned bits) { return __ffs(static_cast<int>(bits)) - 1; }

// Does anybody in the block say yes? Everybody must ask.
DEVICE bool anybody(bool yes) { return __syncthreads_or(yes); }

// A cluster is a group of blocks that run at once and read each other's shared memory (compute capability 9.0).
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
#define CLUSTER(blocks) __cluster_dims__(blocks, 1, 1)

DEVICE void cluster_barrier() {
    asm volatile("barrier.cluster.arrive.release;\n\tbarrier.cluster.wait.acquire;" ::: "memory");
}

DEVICE int rank_in_cluster() {
    unsigned rank;
    asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return static_cast<int>(rank);
}

// The integer that another block of the cluster has at the place of ours.
DEVICE int read_of_rank(const int* ours, int rank) {
    unsigned place = static_cast<unsigned>(__cvta_generic_to_shared(ours)), theirs;
    int value;
    asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(theirs) : "r"(place), "r"(rank));
    asm volatile("ld.shared::cluster.s32 %0, [%1];" : "=r"(value) : "r"(theirs) : "memory");
    return value;
}
#else
#define CLUSTER(blocks)
DEVICE void cluster_barrier() { __syncthreads(); }
DEVICE int rank_in_cluster() { return 0; }
DEVICE int read_of_rank(const int* ours, int) { return *ours; }
#endif

#else
#include "emulation.h"
#endif

typedef unsigned int word;
