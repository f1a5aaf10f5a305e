// Words and normals for themselves, to hold them against known answers and against the other engines.
#include "normals.cuh"
#include "structures.cuh"

// The block of words of each counter, and the normals made of it.
KERNEL(128, 1) draw(BY_VALUE Draws draws) {
    const int n = block_index_x() * block_threads() + thread_index();
    if (n >= draws.count) return;
    const unsigned* counter = draws.counter + 4 * n;
    const Key key = {draws.key[2 * n], draws.key[2 * n + 1]};
    const Words four = philox4x32({counter[0], counter[1], counter[2], counter[3]}, key);
    const FourNormals<real> normals = four_normals<real>(four);
    unsigned* words = draws.words + 4 * n;
    words[0] = four.w0, words[1] = four.w1, words[2] = four.w2, words[3] = four.w3;
    real* out = draws.normals + 4 * n;
    out[0] = normals.n0, out[1] = normals.n1, out[2] = normals.n2, out[3] = normals.n3;
}
