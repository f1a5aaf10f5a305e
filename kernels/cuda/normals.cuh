// From words to uniforms and normals, by the map of normals.py.
#include "philox.cuh"

DEVICE double uniform(word w, double) { return (static_cast<double>(w) + 0.5) * 0x1p-32; }

DEVICE float uniform(word w, float) { return (static_cast<float>(w) + 0.5f) * 0x1p-32f; }

DEVICE double log_of_uniform(double u) { return log(u); }

// log(u), 2^-33 <= u <= 1, within 2 units in the last place: log(m) = f + f^2 p(f), f = m - 1 and 2/3 <= m < 4/3, fitted
// to the smallest maximal relative error, 4.5e-9. Written here because libraries differ in the last place.
DEVICE float log_of_uniform(float u) {
    const int bits = __float_as_int(u);
    const int exponent = (bits - 0x3F2AAAAB) & 0xFF800000;
    const float f = __int_as_float(bits - exponent) - 1.0f;
    float p = -0.12948845326900482f;
    p = fma(p, f, 0.14004775881767273f);
    p = fma(p, f, -0.12167182564735413f);
    p = fma(p, f, 0.14001156389713287f);
    p = fma(p, f, -0.16682302951812744f);
    p = fma(p, f, 0.20010748505592346f);
    p = fma(p, f, -0.24999716877937317f);
    p = fma(p, f, 0.3333320915699005f);
    p = fma(p, f, -0.5f);
    const float power = static_cast<float>(exponent) * 0x1p-23f;
    return fma(power, 0.69314718f, fma(f * f, p, f));
}

// sin(2 pi x), |x| <= 1/4; normals.SINE_OF_TURN.
template <class Real>
DEVICE Real sine_near_zero(Real turn) {
    const Real square = turn * turn;
    Real p = Real(39.53670576887645);
    p = fma(p, square, Real(-76.54978225185944));
    p = fma(p, square, Real(81.60100407130604));
    p = fma(p, square, Real(-41.34165503138234));
    p = fma(p, square, Real(6.283185160089314));
    return p * turn;
}

template <class Real>
struct Pair {
    Real first, second;
};

// Box and Muller 1958.
template <class Real>
DEVICE Pair<Real> normal_pair(word radius_word, word turn_word) {
    const Real radius = sqrt(Real(-2) * log_of_uniform(uniform(radius_word, Real())));
    const Real turn = static_cast<Real>(static_cast<int>(turn_word)) * Real(0x1p-32);
    const Real quarter = Real(0.25), from_quarter = quarter - fabs(turn);
    const Real cosine = sine_near_zero(from_quarter);
    const Real sine = sine_near_zero(quarter - fabs(from_quarter));
    return {radius * cosine, radius * (turn < 0 ? -sine : sine)};
}

// Standard normals of four months from one block of words.
template <class Real>
struct FourNormals {
    Real n0, n1, n2, n3;
};

template <class Real>
DEVICE FourNormals<Real> four_normals(Words four) {
    const Pair<Real> early = normal_pair<Real>(four.w0, four.w1), late = normal_pair<Real>(four.w2, four.w3);
    return {early.first, early.second, late.first, late.second};
}
