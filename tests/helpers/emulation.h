// A GPU's blocks, threads and barriers on a CPU, so that the kernels' own source runs, and is sanitised, without one.
//
// Every thread of a block or cluster is a thread of the machine; blocks follow one another.
#pragma once
#include <barrier>
#include <cmath>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#define DEVICE static inline
#define DEVICE_MEMBER inline
#define OUTLINE static
#define KERNEL(threads, blocks) static void
#define CLUSTER(blocks)
#define BY_VALUE const
#define RESTRICT __restrict__
#define UNROLL
#define UNROLL_BY(times)

using std::exp;
using std::expm1;
using std::fabs;
using std::fma;
using std::llrint;
using std::log;
using std::log1p;
using std::sqrt;

struct EmulatedBlock {
    EmulatedBlock(int threads, size_t shared_bytes) : barrier(threads), shared(shared_bytes / 8 + 1) {
        for (int first = 0; first < threads; first += WARP_THREADS) {
            const int left = threads - first;
            this->warps.push_back(std::make_unique<std::barrier<>>(left < WARP_THREADS ? left : WARP_THREADS));
        }
    }
    std::barrier<> barrier;
    std::vector<std::unique_ptr<std::barrier<>>> warps;
    std::vector<double> shared;
    int votes = 0;
};

struct EmulatedCluster {
    EmulatedCluster(int blocks, int threads, size_t shared_bytes) : barrier(blocks * threads) {
        for (int block = 0; block < blocks; ++block)
            this->blocks.push_back(std::make_unique<EmulatedBlock>(threads, shared_bytes));
    }
    std::barrier<> barrier;
    std::vector<std::unique_ptr<EmulatedBlock>> blocks;
};

struct EmulatedThread {
    EmulatedCluster* cluster;
    EmulatedBlock* block;
    int index, threads, rank, block_x, block_y, grid_x, grid_y;
};

static thread_local EmulatedThread self;

DEVICE int thread_index() { return self.index; }
DEVICE int block_threads() { return self.threads; }
DEVICE int block_index_x() { return self.block_x; }
DEVICE int block_index_y() { return self.block_y; }
DEVICE int grid_blocks_x() { return self.grid_x; }
DEVICE int grid_blocks_y() { return self.grid_y; }
DEVICE char* shared_memory() { return reinterpret_cast<char*>(self.block->shared.data()); }
DEVICE void warp_barrier() { self.block->warps[self.index / WARP_THREADS]->arrive_and_wait(); }
DEVICE void block_barrier() { self.block->barrier.arrive_and_wait(); }
DEVICE void cluster_barrier() { self.cluster->barrier.arrive_and_wait(); }
DEVICE int rank_in_cluster() { return self.rank; }

DEVICE bool anybody(bool yes) {
    if (yes) __atomic_store_n(&self.block->votes, 1, __ATOMIC_RELAXED);
    block_barrier();
    const bool result = __atomic_load_n(&self.block->votes, __ATOMIC_RELAXED) != 0;
    block_barrier();
    __atomic_store_n(&self.block->votes, 0, __ATOMIC_RELAXED);
    block_barrier();
    return result;
}

DEVICE int read_of_rank(const int* ours, int rank) {
    const auto offset = reinterpret_cast<const char*>(ours) - shared_memory();
    const char* theirs = reinterpret_cast<const char*>(self.cluster->blocks[rank]->shared.data());
    return *reinterpret_cast<const int*>(theirs + offset);
}

DEVICE void add(int* sum, int value) { __atomic_fetch_add(sum, value, __ATOMIC_RELAXED); }
DEVICE void add(long long* sum, long long value) { __atomic_fetch_add(sum, value, __ATOMIC_RELAXED); }
DEVICE void raise(int* flag) { __atomic_store_n(flag, 1, __ATOMIC_RELAXED); }

DEVICE unsigned long long wide_product(unsigned a, unsigned b) { return static_cast<unsigned long long>(a) * b; }
DEVICE void set_if_below(unsigned& bits, unsigned bit, unsigned value, unsigned limit) {
    if (value < limit) bits |= bit;
}
DEVICE int ones(unsigned bits) { return __builtin_popcount(bits); }
DEVICE int lowest(unsigned bits) { return __builtin_ctz(bits); }

DEVICE int __float_as_int(float x) {
    int bits;
    std::memcpy(&bits, &x, sizeof bits);
    return bits;
}

DEVICE float __int_as_float(int bits) {
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

// Run `kernel` for every block of a grid.
template <class Kernel>
void emulate(int grid_x, int grid_y, int threads, int cluster, size_t shared_bytes, Kernel kernel) {
    EmulatedCluster team(cluster, threads, shared_bytes);
    auto work = [&](int rank, int index) {
        for (int y = 0; y < grid_y; ++y)
            for (int x = 0; x < grid_x / cluster; ++x) {
                self = {&team, team.blocks[rank].get(), index, threads, rank, x * cluster + rank, y, grid_x, grid_y};
                kernel();
                team.barrier.arrive_and_wait();
            }
    };
    std::vector<std::thread> others;
    for (int rank = 0; rank < cluster; ++rank)
        for (int index = 0; index < threads; ++index) others.emplace_back(work, rank, index);
    for (auto& other : others) other.join();
}

// The C function that launches a kernel of one structure, or of three.
#define LAUNCHER_1(kernel, Only)                                                                                  \
    extern "C" void launch_##kernel(int grid_x, int grid_y, int threads, int cluster, size_t shared_bytes,         \
                                    const void* only) {                                                            \
        emulate(grid_x, grid_y, threads, cluster, shared_bytes, [&] { kernel(*static_cast<const Only*>(only)); }); \
    }
#define LAUNCHER_3(kernel, First, Second, Third)                                                                  \
    extern "C" void launch_##kernel(int grid_x, int grid_y, int threads, int cluster, size_t shared_bytes,         \
                                    const void* first, const void* second, const void* third) {                    \
        emulate(grid_x, grid_y, threads, cluster, shared_bytes, [&] {                                              \
            kernel(*static_cast<const First*>(first), *static_cast<const Second*>(second),                          \
                   *static_cast<const Third*>(third));                                                             \
        });                                                                                                        \
    }
