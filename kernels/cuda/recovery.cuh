// From a default to losses: recovery.py for one obligor, added to the sums as tally.py does.
#include "month.cuh"

constexpr int RANKS = 3;

// One of the groups that an obligor is reported in.
DEVICE int group_of(const Book& book, Place o, int membership) {
    return book.obligor_group[membership * int(book.obligors) + o.i];
}

DEVICE long long quanta(double usd, double per_usd) { return llrint(usd * per_usd); }

// Discounted dollars from one unit of an asset of channel v whose owner defaults in month t.
DEVICE real sale_price(const Book& book, const World& world, int s, int t, int v) {
    const int months = int(book.months) + 1, rows = int(book.rows), channels = int(book.value_channels);
    const int later = s * rows + t + book.lag_months[v];
    return world.price_impact[(s * months + t) * channels + v] * world.price[later * channels + v] *
           world.discount[later] * book.kept_share[v];
}

struct Lost {
    real share[RANKS];  // in dollars of today per dollar owed at default
};

// Secured ranks take the secured part of the estate in turn; the rest of it goes to all unpaid claims alike.
DEVICE Lost lost_shares(const Book& book, const World& world, int s, int t, Place o, const Accounts& a) {
    const real discount = world.discount[s * int(book.rows) + t];
    real owned = 0, pledged = 0;
    for (int e = 0; e < book.asset_terms; ++e) {
        const int entry = o.panel * int(book.asset_terms) + e, channel = book.asset_place[entry].channel[o.place];
        if (channel < 0) break;
        const real price = sale_price(book, world, s, t, channel);
        owned += price * book.asset_units[entry].units[o.place];
        pledged += price * book.asset_units[entry].pledged[o.place];
    }
    const real coin = sale_price(book, world, s, t, int(book.coin_channel));
    real secured = pledged + a.pledged * coin + a.cash * discount;
    const real free = owned - pledged + a.coins * coin + a.guarantee * discount;
    const real owed = (1 - a.prepaid) * discount;
    real claim[RANKS], missing[RANKS], unpaid = 0;
    UNROLL
    for (int rank = 0; rank < RANKS; ++rank) {
        const int row = rank * (int(book.months) + 1) + t - 1;
        claim[rank] = owed * book.rank_balance_usd[row * int(book.obligors) + o.i];
        const real paid = rank + 1 < RANKS ? smaller(claim[rank], secured) : real(0);
        secured -= paid;
        missing[rank] = claim[rank] - paid;
        unpaid += missing[rank];
    }
    const real covered = smaller((secured + free) / larger(unpaid, TINY_USD), real(1));
    Lost lost;
    UNROLL
    for (int rank = 0; rank < RANKS; ++rank)
        lost.share[rank] = (1 - covered) * discount * missing[rank] / larger(claim[rank], TINY_USD);
    return lost;
}

// Units of 2^-SQUARE_BITS of a share.
DEVICE long long share_units(real usd, double whole_usd) { return llrint(static_cast<double>(usd) / whole_usd * (1 << SQUARE_BITS)); }

// Exposure and loss of every facility of an obligor that defaults in month t; `paid` as in tally_end.
OUTLINE void tally_losses(const Book& book, const World& world, const Sums& sums, int s, int t, Place o, Accounts a,
                          real paid) {
    const Lost lost = lost_shares(book, world, s, t, o, a);
    const int row = int(book.groups) + 1, facilities = int(book.facilities), year = (t - 1) / 12;
    const real discount = world.discount[s * int(book.rows) + t];
    for (int k = 0; k < links_of(book, o).facility_count[o.place]; ++k) {
        const int f = links_of(book, o).first_facility[o.place] + k, rank = book.facility_rank[f];
        const real exposure = (1 - a.prepaid) * book.facility_balance_usd[(t - 1) * facilities + f];
        const real share = rank == 0 ? lost.share[0] : rank == 1 ? lost.share[1] : lost.share[2];
        const real loss = exposure * (share * book.facility_kept_loss[f]);
        const long long lost_quanta = quanta(loss, book.loss_quanta_per_usd);
        const long long exposure_pv = quanta(exposure * discount, book.loss_quanta_per_usd);
        const long long part = share_units(loss, book.first_balance_usd[f]);
        add(&sums.facility_defaults[year * facilities + f], 1LL);
        add(&sums.facility_loss[f], lost_quanta);
        add(&sums.facility_loss_squares[f], part * part);
        add(&sums.facility_loss_paid[f], part * share_units(paid, book.most_paid_usd_months[f]));
        add(&sums.facility_exposure[f], quanta(exposure, book.loss_quanta_per_usd));
        add(&sums.facility_exposure_pv[f], exposure_pv);
        if (sums.replays) sums.row_loss[static_cast<long long>(s) * facilities + f] = lost_quanta;
        for (int m = 0; m < book.facility_memberships; ++m) {
            const int group = book.facility_group[m * facilities + f];
            add(&sums.loss[s * row + group], lost_quanta);
            add(&sums.exposure[s * row + group], exposure_pv);
        }
    }
}

// An obligor's last month, with default or without: `paid` is its discounted debt that paid interest, in USD months.
OUTLINE void tally_end(const Book& book, const Sums& sums, int s, Place o, real paid) {
    const int row = int(book.groups) + 1, facilities = int(book.facilities);
    for (int m = 0; m < book.memberships; ++m)
        add(&sums.paid[s * row + group_of(book, o, m)], quanta(paid, book.view_quanta_per_usd));
    for (int k = 0; k < links_of(book, o).facility_count[o.place]; ++k) {
        const int f = links_of(book, o).first_facility[o.place] + k;
        const long long part = share_units(paid, book.most_paid_usd_months[f]);
        add(&sums.facility_paid_squares[f], part * part);
        if (sums.replays) sums.row_paid[static_cast<long long>(s) * facilities + f] = static_cast<int>(part);
    }
}

// The month's default, by group.
OUTLINE void tally_default(const Book& book, const Sums& sums, int s, int t, Place o, int cause, real debt) {
    const int row = int(book.groups) + 1, months = int(book.months);
    for (int m = 0; m < book.memberships; ++m) {
        const int group = group_of(book, o, m);
        add(&sums.defaults[(s * months + t - 1) * row + group], 1);
        add(&sums.defaulted_debt[(s * months + t - 1) * row + group], quanta(debt, book.view_quanta_per_usd));
        add(&sums.causes[(s * 3 + cause - 1) * row + group], 1);
    }
}

// Discounted share of a debt that paid interest, in units of 2^-CARRIED_BITS.
DEVICE long long carried_units(real discounted) { return llrint(static_cast<double>(discounted * real(1 << CARRIED_BITS))); }

DEVICE long long* not_carried(const Book& book, const Sums& sums, int t, Place o) {
    return &sums.not_carried[(t - 1) * int(book.obligors) + o.i];
}

// What somebody who owes nothing from month t on does not carry of his schedule.
OUTLINE void tally_departure(const Book& book, const World& world, const Sums& sums, int s, int t, Place o) {
    for (; t <= links_of(book, o).last_owing[o.place]; ++t)
        if (owes(book, t, o))
            add(not_carried(book, sums, t, o), -carried_units(world.discount[s * int(book.rows) + t]));
}

enum Sign { PERFORMING, SERVING, LOW_COVER, NO_COVER, HIGH_LTV, DEBT, BOOK_VALUE, CLEARING_VALUE, SIGNS };

// Early warning: what the month showed of an obligor that owed debt.
OUTLINE void tally_signs(const Book& book, const World& world, const Sums& sums, int s, int t, Place o, Reading seen,
                         real pledged_coins) {
    const int channels = int(book.value_channels), row = int(book.groups) + 1, months = int(book.months) + 1;
    const real* price = world.price + (s * int(book.rows) + t) * channels;
    const real* impact = world.price_impact + (s * months + t - 1) * channels;
    real book_value = 0, clearing_value = 0;
    for (int e = 0; e < book.asset_terms; ++e) {
        const int entry = o.panel * int(book.asset_terms) + e, v = book.asset_place[entry].channel[o.place];
        if (v < 0) break;
        const real units = book.asset_units[entry].pledged[o.place];
        book_value = fma(price[v], units, book_value);
        clearing_value = fma(price[v] * impact[v] * book.kept_share[v], units, clearing_value);
    }
    const int coin = int(book.coin_channel);
    book_value += pledged_coins * price[coin];
    clearing_value += pledged_coins * (price[coin] * impact[coin] * book.kept_share[coin]);
    const real dscr = seen.cfads / larger(seen.due, TINY_USD), ltv = seen.debt / larger(seen.secured, TINY_USD);
    const bool serving = links_of(book, o).earns[o.place] != 0 && seen.due > 0;
    const long long value[SIGNS] = {1,
                                    serving,
                                    serving && dscr < real(1.2),
                                    serving && dscr < real(1.0),
                                    ltv > terms_of(book, o).covenant_ltv[o.place],
                                    quanta(seen.debt, book.view_quanta_per_usd),
                                    quanta(book_value, book.view_quanta_per_usd),
                                    quanta(clearing_value, book.view_quanta_per_usd)};
    for (int m = 0; m < book.memberships; ++m) {
        const int group = group_of(book, o, m);
        UNROLL
        for (int sign = 0; sign < SIGNS; ++sign)
            if (value[sign] != 0) add(&sums.seen[((t - 1) * SIGNS + sign) * row + group], value[sign]);
    }
}
