// Philox4x32-10 (Salmon, Moraes, Dror and Shaw, SC 2011) at the product's counters: philox.py and streams.py.
#include "platform.cuh"

struct Words {
    word w0, w1, w2, w3;
};

struct Key {
    word k0, k1;
};

DEVICE word high(word a, word b) { return static_cast<word>((static_cast<unsigned long long>(a) * b) >> 32); }

DEVICE Words philox4x32(Words counter, Key key) {
    UNROLL
    for (int round = 0; round < 10; ++round) {
        const word k0 = key.k0 + static_cast<word>(round) * 0x9E3779B9u;
        const word k1 = key.k1 + static_cast<word>(round) * 0xBB67AE85u;
        counter = {high(0xCD9E8D57u, counter.w2) ^ counter.w1 ^ k0, 0xCD9E8D57u * counter.w2,
                   high(0xD2511F53u, counter.w0) ^ counter.w3 ^ k1, 0xD2511F53u * counter.w0};
    }
    return counter;
}

// Purposes of words, streams.Purpose.
enum Purpose { OBLIGOR_SHOCK = 4, COPULA_FACTOR = 5, COPULA_OBLIGOR = 6 };

struct Stream {
    word s0, s1;
};

DEVICE Words words(Key key, word scenario, Stream stream, Purpose purpose, int block) {
    const word label = static_cast<word>(block) | static_cast<word>(purpose) << 16;
    return philox4x32({scenario, label, stream.s0, stream.s1}, key);
}
