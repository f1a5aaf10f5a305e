// Philox4x32-10 (Salmon, Moraes, Dror and Shaw, SC 2011) at the product's counters: philox.py and streams.py.
#include "platform.cuh"

struct Words {
    word w0, w1, w2, w3;
};

constexpr int ROUNDS = 10;
constexpr word MULTIPLIER_0 = 0xD2511F53u, MULTIPLIER_1 = 0xCD9E8D57u;

struct Product {
    word high, low;
};

DEVICE Product product(word a, word b) {
    const unsigned long long wide = wide_product(a, b);
    return {static_cast<word>(wide >> 32), static_cast<word>(wide)};
}

struct Key {
    word k0, k1;

    DEVICE_MEMBER Key of_round(int round) const {
        return {k0 + static_cast<word>(round) * 0x9E3779B9u, k1 + static_cast<word>(round) * 0xBB67AE85u};
    }
};

// `Keys` is a key, or where the keys of all rounds can be had without an addition.
template <int FIRST_ROUND = 0, class Keys>
DEVICE Words philox4x32(Words counter, const Keys& keys) {
    UNROLL
    for (int round = FIRST_ROUND; round < ROUNDS; ++round) {
        const Key now = keys.of_round(round);
        const Product first = product(MULTIPLIER_1, counter.w2), second = product(MULTIPLIER_0, counter.w0);
        counter = {first.high ^ counter.w1 ^ now.k0, first.low, second.high ^ counter.w3 ^ now.k1, second.low};
    }
    return counter;
}

// Purposes of words, streams.Purpose.
enum Purpose { OBLIGOR_SHOCK = 4, COPULA_FACTOR = 5, COPULA_OBLIGOR = 6 };

struct Stream {
    word s0, s1;
};

DEVICE word label_of(Purpose purpose, int block) {
    return static_cast<word>(block) | static_cast<word>(purpose) << 16;
}

DEVICE Words words(Key key, word scenario, Stream stream, Purpose purpose, int block) {
    return philox4x32({scenario, label_of(purpose, block), stream.s0, stream.s1}, key);
}

// The first two rounds take most of their inputs from the scenario alone or from the stream alone. Both parts can be
// worked out once and met in a loop over the other, where two rounds then cost one product.
struct alignas(16) StreamPart {
    word a, b, c, d;
};

DEVICE Product part_of(word scenario) { return product(MULTIPLIER_0, scenario); }

DEVICE StreamPart part_of(Key key, Stream stream, Purpose purpose, int block) {
    const Key now = key.of_round(0), next = key.of_round(1);
    const Product first = product(MULTIPLIER_1, stream.s0);
    const Product second = product(MULTIPLIER_0, first.high ^ label_of(purpose, block) ^ now.k0);
    return {stream.s1 ^ now.k1, first.low ^ next.k0, second.high ^ next.k1, second.low};
}

// The words of `words`.
template <class Keys>
DEVICE Words joined(const Keys& keys, Product scenario, StreamPart stream) {
    const Product mixed = product(MULTIPLIER_1, scenario.high ^ stream.a);
    return philox4x32<2>({mixed.high ^ stream.b, mixed.low, stream.c ^ scenario.low, stream.d}, keys);
}
