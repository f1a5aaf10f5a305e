// The copula model on a GPU: one thread holds the four scenarios of a quad, whose words come from one Philox block, and
// goes through the names.
//
// Names come in pieces of up to 32 that share segment and limits. Without a branch a thread draws the words of a piece
// and notes who is in default, a bit a name. What a default costs is worked out afterwards, for those bits that are set.
// Losses and counts by scenario stay in registers until the segment ends; counts by name are added up by warps in shared
// memory. All sums are of integers.
#include "conditional.cuh"

// THREADS, WARP_THREADS, LGD and SEVERAL_YEARS are set by whoever compiles this.
constexpr int GROUP = 32;              // names at most: bits of a word
constexpr int RESIDENT_THREADS = 768;  // of a multiprocessor: leaves a thread 80 registers, and nothing spills
constexpr int BLOCKS = RESIDENT_THREADS / THREADS;

// Neighbours that share segment and bucket. Up to 32 names of a segment are a group; a piece's names are bits of its
// words from `shift` on, and the last piece of a group closes it.
struct alignas(16) Piece {
    int first, span, bucket, segment;

    DEVICE_MEMBER int count() const { return span & 0xFF; }
    DEVICE_MEMBER int shift() const { return span >> 8 & 0xFF; }
    DEVICE_MEMBER bool closes() const { return span >> 16 != 0; }
    DEVICE_MEMBER int first_of_group() const { return first - shift(); }
};

// A thread's four scenarios.
struct Quad {
    int q, valid;  // column in arrays of quads; how many of its places are asked for
    word number;
    Product part;
};

// What words must be below: twice a limit, as a draw is a word without its last bit. A limit of 2^31, which means always,
// has no double, but a bit in `always`.
struct Limits {
    word below[PLACES], always;
};

// Bit j is set if name j of a group is in default.
struct Masks {
    word of[PLACES];
};

// Sums over the names of a segment.
struct BySegment {
    long long loss[PLACES];
    int defaults[PLACES];  // unused with several years
};

// A warp's sums by name of a group, and a thread's own columns of limits and defaults by year, all in shared memory.
struct Shared {
    long long *lgd, *lgd_squares;  // [GROUP]
    int* defaults;                 // [GROUP]
    word* limits;                  // [H, PLACES] with steps of `stride`
    int* by_years;                 // the same: how many names are in default for just so many years, less one
    int stride;
};

DEVICE Shared shared_of(const Pool& pool) {
    const int warps = (block_threads() + WARP_THREADS - 1) / WARP_THREADS, warp = thread_index() / WARP_THREADS;
    const int cells = static_cast<int>(pool.years) * PLACES * block_threads();
    long long* const lgd = reinterpret_cast<long long*>(shared_memory());
    int* const defaults = reinterpret_cast<int*>(lgd + (LGD == FIXED ? 0 : 2 * warps * GROUP));
    int* const columns = defaults + warps * GROUP + thread_index();
    return {lgd + warp * GROUP, lgd + (warps + warp) * GROUP, defaults + warp * GROUP, reinterpret_cast<word*>(columns),
            columns + cells, block_threads()};
}

DEVICE void clear(const Pool& pool, const Shared& shared) {
    for (int j = thread_index() % WARP_THREADS; j < GROUP; j += WARP_THREADS) {
        shared.defaults[j] = 0;
        if (LGD != FIXED) shared.lgd[j] = shared.lgd_squares[j] = 0;
    }
    if (SEVERAL_YEARS)
        for (int row = 0; row < pool.years * PLACES; ++row) shared.by_years[row * shared.stride] = 0;
    warp_barrier();
}

// Where a sum of one place of quad q is in an array [rows, PLACES, quads].
DEVICE long long cell(const Given& given, int row, int place, int q) {
    return (static_cast<long long>(row) * PLACES + place) * given.quads + q;
}

DEVICE Key half_words(long long both) { return {static_cast<word>(both), static_cast<word>(both >> 32)}; }

DEVICE Key key_of(const Pool& pool) { return half_words(pool.round_keys[0]); }

// The keys of all rounds, which an instruction reads where kernels' arguments are.
struct RoundKeys {
    const Pool& pool;

    DEVICE_MEMBER Key of_round(int round) const { return half_words(pool.round_keys[round]); }
};

DEVICE Quad quad_of(const Given& given) {
    const long long q = static_cast<long long>(block_index_x()) * block_threads() + thread_index();
    const long long left = given.scenarios - q * PLACES;
    const int column = q < given.quads ? static_cast<int>(q) : 0;  // a thread too many reads what another has
    const word number = static_cast<word>(given.first_quad + column);
    return {column, static_cast<int>(left < 0 ? 0 : left < PLACES ? left : PLACES), number, part_of(number)};
}

DEVICE Limits limits_of(const Pool& pool, const Given& given, const Quad& quad, const Shared& shared, int bucket) {
    const Conditions conditions = conditions_of(pool, given, bucket, quad.q);
    FourLimits most = {};
    for (int year = 0; year < (SEVERAL_YEARS ? pool.years : 1); ++year) {
        const FourLimits found = draw_limits(pool, conditions, pool.threshold[year * pool.buckets + bucket]);
        UNROLL
        for (int place = 0; place < PLACES; ++place) {
            const word limit = place < quad.valid ? found.of[place] : 0;
            if (SEVERAL_YEARS) shared.limits[(year * PLACES + place) * shared.stride] = limit;
            most.of[place] = limit > most.of[place] ? limit : most.of[place];
        }
    }
    Limits limits = {};
    UNROLL
    for (int place = 0; place < PLACES; ++place) {
        limits.below[place] = most.of[place] << 1;
        limits.always |= most.of[place] >> 31 << place;
    }
    return limits;
}

DEVICE const StreamPart* parts_of_names(const Pool& pool) { return reinterpret_cast<const StreamPart*>(pool.prepared); }

// Add the defaults of a piece to those of its group.
DEVICE void find_defaults(
    const Pool& pool, const Quad& quad, const Limits& limits, const Piece& piece, Masks& masks) {
    const StreamPart* const names = parts_of_names(pool) + piece.first;
    word bit = 1u << piece.shift();
    UNROLL_BY(4)
    for (int j = 0; j < piece.count(); ++j, bit <<= 1) {
        const Words four = joined(RoundKeys{pool}, quad.part, names[j]);
        set_if_below(masks.of[0], bit, four.w0, limits.below[0]);
        set_if_below(masks.of[1], bit, four.w1, limits.below[1]);
        set_if_below(masks.of[2], bit, four.w2, limits.below[2]);
        set_if_below(masks.of[3], bit, four.w3, limits.below[3]);
    }
    if (limits.always == 0) return;
    const word everybody = ~0u >> (GROUP - piece.count()) << piece.shift();
    UNROLL
    for (int place = 0; place < PLACES; ++place)
        if (limits.always >> place & 1) masks.of[place] |= everybody;
}

// LGD of name i in one place, in 2^-30.
DEVICE int lgd_of(const Pool& pool, const Given& given, const Quad& quad, int bucket, int i, int place) {
    const Stream stream = {pool.stream[2 * i], pool.stream[2 * i + 1]};
    const Words four = words(key_of(pool), quad.number, stream, COPULA_OBLIGOR, LGD_BLOCK);
    const int cells = static_cast<int>(pool.cells);
    word found;
    if (LGD == BETA)
        found = independent_cell(word_at(four, place), cells);
    else {
        double driver = pool.lgd_residual[bucket] * normal_at(four, place);
        UNROLL_BY(1)
        for (int f = 0; f < pool.factors; ++f)
            driver = fma(pool.lgd_loading[f * pool.buckets + bucket], factor(given, f, place, quad.q), driver);
        found = driven_cell(pool, driver);
    }
    return pool.lgd_table[static_cast<long long>(pool.lgd_row[i]) * cells + found];
}

// For how many years a name in default is so, less one.
DEVICE int years_of(const Pool& pool, const Quad& quad, const Shared& shared, int i, int place) {
    const word draw = word_at(joined(RoundKeys{pool}, quad.part, parts_of_names(pool)[i]), place) >> 1;
    int years = -1;
    for (int year = 0; year < pool.years; ++year)
        years += draw < shared.limits[(year * PLACES + place) * shared.stride];
    return years;
}

DEVICE void tally_default(
    const Pool& pool, const Given& given, const Quad& quad, const Shared& shared, const Piece& piece, int j, int place,
    long long& loss) {
    const int i = piece.first_of_group() + j;
    add(&shared.defaults[j], 1);
    if (SEVERAL_YEARS)
        shared.by_years[(years_of(pool, quad, shared, i, place) * PLACES + place) * shared.stride] += 1;
    if (LGD == FIXED) {
        loss += pool.quanta[i];
        return;
    }
    const int lgd = lgd_of(pool, given, quad, piece.bucket, i, place);
    const long long square = squarable(lgd);
    loss += loss_quanta(pool.quanta[i], lgd);
    add(&shared.lgd[j], static_cast<long long>(lgd));
    add(&shared.lgd_squares[j], square * square);
}

// Add the warp's sums by name to everybody's, and forget them.
DEVICE void tally_names_of(const Sums& sums, const Shared& shared, const Piece& piece) {
    warp_barrier();
    for (int j = thread_index() % WARP_THREADS; j < piece.shift() + piece.count(); j += WARP_THREADS) {
        const int defaults = shared.defaults[j], i = piece.first_of_group() + j;
        if (defaults == 0) continue;
        add(&sums.name_defaults[i], static_cast<long long>(defaults));
        shared.defaults[j] = 0;
        if (LGD == FIXED) continue;
        add(&sums.name_lgd[i], shared.lgd[j]);
        add(&sums.name_lgd_squares[i], shared.lgd_squares[j]);
        shared.lgd[j] = shared.lgd_squares[j] = 0;
    }
    warp_barrier();
}

// Add the sums of a segment to everybody's, and forget them. A name that is in default for v of H years is so by the end
// of the last v of them.
DEVICE void tally_segment(
    const Pool& pool, const Given& given, const Sums& sums, const Quad& quad, const Shared& shared, int segment,
    BySegment& found) {
    const int years = static_cast<int>(pool.years);
    UNROLL
    for (int place = 0; place < PLACES; ++place) {
        if (place >= quad.valid) continue;
        add(&sums.loss[cell(given, segment, place, quad.q)], found.loss[place]);
        if (!SEVERAL_YEARS) {
            add(&sums.counts[cell(given, segment, place, quad.q)], found.defaults[place]);
            continue;
        }
        int defaults = 0;
        for (int year = 0; year < years; ++year) {
            int& of_so_many = shared.by_years[((years - 1 - year) * PLACES + place) * shared.stride];
            defaults += of_so_many;
            of_so_many = 0;
            add(&sums.counts[cell(given, segment * years + year, place, quad.q)], defaults);
        }
    }
    found = {};
}

// Blocks of one row of the grid hold quads; its rows share the pieces.
KERNEL(THREADS, BLOCKS) tally_pool(BY_VALUE Pool pool, BY_VALUE Given given, BY_VALUE Sums sums) {
    const Quad quad = quad_of(given);
    const Shared shared = shared_of(pool);
    const int rows = grid_blocks_y(), first = static_cast<int>(pool.pieces * block_index_y() / rows);
    const int end = static_cast<int>(pool.pieces * (block_index_y() + 1) / rows);
    clear(pool, shared);
    BySegment found = {};
    Limits limits = {};
    Masks masks = {};
    int bucket = -1, segment = -1;
    for (int place_of_piece = first; place_of_piece < end; ++place_of_piece) {
        const Piece piece = reinterpret_cast<const Piece*>(pool.piece)[place_of_piece];
        if (piece.segment != segment && segment >= 0) tally_segment(pool, given, sums, quad, shared, segment, found);
        if (piece.bucket != bucket) limits = limits_of(pool, given, quad, shared, piece.bucket);
        segment = piece.segment;
        bucket = piece.bucket;
        find_defaults(pool, quad, limits, piece, masks);
        if (!piece.closes() && place_of_piece + 1 < end) continue;
        UNROLL
        for (int place = 0; place < PLACES; ++place) {
            found.defaults[place] += ones(masks.of[place]);
            for (word left = masks.of[place]; left != 0; left &= left - 1)
                tally_default(pool, given, quad, shared, piece, lowest(left), place, found.loss[place]);
        }
        tally_names_of(sums, shared, piece);
        masks = {};
    }
    if (segment >= 0) tally_segment(pool, given, sums, quad, shared, segment, found);
}

// The part of the names' words that no scenario changes; once for a pool.
KERNEL(THREADS, 1) prepare_names(BY_VALUE Pool pool, BY_VALUE Given, BY_VALUE Sums) {
    const long long i = static_cast<long long>(block_index_x()) * block_threads() + thread_index();
    if (i >= pool.names) return;
    const Stream stream = {pool.stream[2 * i], pool.stream[2 * i + 1]};
    reinterpret_cast<StreamPart*>(pool.prepared)[i] = part_of(key_of(pool), stream, COPULA_OBLIGOR, DEFAULT_BLOCK);
}

// What all names of a scenario share; draws.systematic.
KERNEL(THREADS, 1) draw_systematic(BY_VALUE Pool pool, BY_VALUE Given given, BY_VALUE Sums) {
    const Quad quad = quad_of(given);
    if (quad.valid == 0) return;
    for (int f = 0; f < pool.factors; ++f) {
        const Stream stream = {pool.factor_stream[2 * f], pool.factor_stream[2 * f + 1]};
        const Words four = words(key_of(pool), quad.number, stream, COPULA_FACTOR, FACTOR_BLOCK);
        UNROLL
        for (int place = 0; place < PLACES; ++place)
            at_places(given, given.factors, f, quad.q).of[place] = normal_at(four, place);
    }
    if (pool.mixing_terms == 0) return;
    const Words four = words(key_of(pool), quad.number, {0, 0}, COPULA_FACTOR, MIXING_BLOCK);
    UNROLL
    for (int place = 0; place < PLACES; ++place) {
        const double logarithm = chebyshev(pool.mixing, int(pool.mixing_terms), normal_at(four, place) / pool.reach);
        at_places(given, given.mixing, 0, quad.q).of[place] = exp(logarithm);
    }
}
