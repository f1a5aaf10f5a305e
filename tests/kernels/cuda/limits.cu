// Limits alone, which the product's kernels never write down: [B, H, 4, Q].
#include "conditional.cuh"

KERNEL(128, 1) write_limits(BY_VALUE Pool pool, BY_VALUE Given given, BY_VALUE Written written) {
    const int years = static_cast<int>(pool.years);
    for (int q = thread_index(); q < given.quads; q += block_threads())
        for (int bucket = 0; bucket < pool.buckets; ++bucket)
            for (int year = 0; year < years; ++year) {
                const Conditions conditions = conditions_of(pool, given, bucket, q);
                const FourLimits found = draw_limits(pool, conditions, pool.threshold[year * pool.buckets + bucket]);
                for (int place = 0; place < PLACES; ++place)
                    written.limit[((bucket * years + year) * PLACES + place) * given.quads + q] = found.of[place];
            }
}
