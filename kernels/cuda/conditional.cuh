// Default and LGD of a name given the factors: ../copula/{draws,conditional,normal_cdf}.py, equation by equation and in
// their order.
//
// `fma` saves a third of the double precision arithmetic, which is all that a pool of names that are all different waits
// for. It moves one limit in a million by one of 2^31 draws; other engines' distribution functions move more.
#include "normals.cuh"
#include "structures.cuh"

constexpr int PLACES = 4;  // of a quad of scenarios
enum Lgd { FIXED = 0, BETA = 1, WRONG_WAY = 2 };
enum Block { DEFAULT_BLOCK = 0, LGD_BLOCK = 1, FACTOR_BLOCK = 0, MIXING_BLOCK = 1 };

template <int COUNT>
struct Doubles {
    double of[COUNT];
};

// normal_cdf.py: Phi(-y) = h(y)^16, of several values at once because each coefficient has to be fetched. They are among
// the kernels' arguments; as constants of the code they would take two instructions each to make.
template <int COUNT>
DEVICE Doubles<COUNT> normal_cdf(const Pool& pool, Doubles<COUNT> x) {
    constexpr int terms = sizeof pool.root_of_tail / sizeof(double);
    Doubles<COUNT> place, tail;
    UNROLL
    for (int n = 0; n < COUNT; ++n) {
        const double size = fabs(x.of[n]);
        place.of[n] = fma(size < pool.last ? size : pool.last, pool.to_place, -1.0);
        tail.of[n] = pool.root_of_tail[terms - 1];
    }
    UNROLL
    for (int order = terms - 2; order >= 0; --order) {
        const double coefficient = pool.root_of_tail[order];
        UNROLL
        for (int n = 0; n < COUNT; ++n) tail.of[n] = fma(tail.of[n], place.of[n], coefficient);
    }
    UNROLL
    for (int n = 0; n < COUNT; ++n) {
        UNROLL
        for (int squaring = 0; squaring < 4; ++squaring) tail.of[n] = tail.of[n] * tail.of[n];
        tail.of[n] = x.of[n] < 0 ? tail.of[n] : 1 - tail.of[n];
    }
    return tail;
}

DEVICE double chebyshev(const double* coefficients, int terms, double place) {
    double ahead = 0, after = 0;
    for (int order = terms - 1; order > 0; --order) {
        const double next = 2 * place * ahead - after + coefficients[order];
        after = ahead;
        ahead = next;
    }
    return place * ahead - after + coefficients[0];
}

// Values of a quad's places, read at once from an array [rows, quads, PLACES].
struct alignas(16) AtPlaces {
    double of[PLACES];
};

DEVICE AtPlaces& at_places(const Given& given, double* array, int row, int q) {
    return reinterpret_cast<AtPlaces*>(array)[row * given.quads + q];
}

DEVICE double factor(const Given& given, int f, int place, int q) {
    return given.factors[(f * given.quads + q) * PLACES + place];
}

// What a limit depends on besides the year: of a bucket, in the places of a quad.
struct Conditions {
    AtPlaces systematic, mixing;
    double inverse_residual;
};

DEVICE Conditions conditions_of(const Pool& pool, const Given& given, int bucket, int q) {
    Conditions found = {{}, {{1, 1, 1, 1}}, pool.inverse_residual[bucket]};
    if (pool.mixing_terms > 0) found.mixing = at_places(given, given.mixing, 0, q);
    UNROLL_BY(1)
    for (int f = 0; f < pool.factors; ++f) {
        const double loading = pool.loading[f * pool.buckets + bucket];
        const AtPlaces factor = at_places(given, given.factors, f, q);
        UNROLL
        for (int place = 0; place < PLACES; ++place)
            found.systematic.of[place] = fma(loading, factor.of[place], found.systematic.of[place]);
    }
    return found;
}

struct FourLimits {
    word of[PLACES];
};

// Conditional default probabilities in 2^-31: a draw below is a default.
DEVICE FourLimits draw_limits(const Pool& pool, const Conditions& given, double threshold) {
    Doubles<PLACES> distance;
    UNROLL
    for (int place = 0; place < PLACES; ++place)
        distance.of[place] = fma(threshold, given.mixing.of[place], -given.systematic.of[place]) * given.inverse_residual;
    const Doubles<PLACES> probability = normal_cdf(pool, distance);
    FourLimits limits;
    UNROLL
    for (int place = 0; place < PLACES; ++place)
        limits.of[place] = static_cast<word>(fma(probability.of[place], 0x1p31, 0.5));
    return limits;
}

// The standard normal of one place of a quad.
DEVICE double normal_at(Words four, int place) {
    const Pair<double> pair = place < 2 ? normal_pair<double>(four.w0, four.w1) : normal_pair<double>(four.w2, four.w3);
    return place % 2 == 0 ? pair.first : pair.second;
}

DEVICE word word_at(Words four, int place) {
    return place == 0 ? four.w0 : place == 1 ? four.w1 : place == 2 ? four.w2 : four.w3;
}

// A cell of an LGD that is drawn for itself.
DEVICE word independent_cell(word drawn, int cells) { return product(drawn, static_cast<word>(cells)).high; }

// A cell of an LGD with a standard normal driver.
DEVICE word driven_cell(const Pool& pool, double driver) {
    const int cells = static_cast<int>(pool.cells);
    const word found = static_cast<word>(normal_cdf(pool, Doubles<1>{{driver}}).of[0] * cells), last = static_cast<word>(cells - 1);
    return found < last ? found : last;
}

// Loss of an exposure in quanta at an LGD in 2^-30.
DEVICE long long loss_quanta(long long exposure, int lgd) {
    return llrint(static_cast<double>(exposure) * (lgd * 0x1p-30));
}

// LGD from 2^-30 to 2^-15, rounded.
DEVICE long long squarable(int lgd) { return (lgd + (1 << 14)) >> 15; }
