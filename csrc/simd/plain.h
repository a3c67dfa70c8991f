// Four lanes in plain loops, for processors that have none of the other headers; compilers may make vectors of them.
namespace VST_NAMESPACE {

const int kLanes = 4;
struct Vec {
  float raw[kLanes];
};
struct VecInt {
  std::int32_t raw[kLanes];
};

template <typename F>
VST_FN Vec lanes(F value) {
  Vec v;
  for (int i = 0; i < kLanes; ++i) v.raw[i] = value(i);
  return v;
}

VST_FN Vec load_vector(const float* p) {
  return lanes([&](int i) { return p[i]; });
}
VST_FN void store_vector(float* to, Vec v) { memcpy(to, v.raw, sizeof v.raw); }
VST_FN void store_lower(float* to, Vec v) { memcpy(to, v.raw, sizeof v.raw / 2); }
VST_FN Vec all_lanes(float value) {
  return lanes([&](int) { return value; });
}
VST_FN Vec operator+(Vec a, Vec b) {
  return lanes([&](int i) { return a.raw[i] + b.raw[i]; });
}
VST_FN Vec operator-(Vec a, Vec b) {
  return lanes([&](int i) { return a.raw[i] - b.raw[i]; });
}
VST_FN Vec operator*(Vec a, Vec b) {
  return lanes([&](int i) { return a.raw[i] * b.raw[i]; });
}
VST_FN Vec fused(Vec a, Vec b, Vec c) { return a * b + c; }
VST_FN Vec smaller(Vec a, Vec b) {
  return lanes([&](int i) { return a.raw[i] < b.raw[i] ? a.raw[i] : b.raw[i]; });
}
VST_FN Vec larger(Vec a, Vec b) {
  return lanes([&](int i) { return a.raw[i] > b.raw[i] ? a.raw[i] : b.raw[i]; });
}
VST_FN Vec where_positive(Vec condition, Vec v) {
  return lanes([&](int i) { return condition.raw[i] > 0.0f ? v.raw[i] : 0.0f; });
}
VST_FN Vec every_second(Vec a, Vec b, int first) {
  const int half = kLanes / 2;
  return lanes([&](int i) { return i < half ? a.raw[2 * i + first] : b.raw[2 * (i - half) + first]; });
}
VST_FN Vec even_lanes(Vec a, Vec b) { return every_second(a, b, 0); }
VST_FN Vec odd_lanes(Vec a, Vec b) { return every_second(a, b, 1); }

VST_FN VecInt all_ints(int value) {
  VecInt v;
  for (int i = 0; i < kLanes; ++i) v.raw[i] = value;
  return v;
}
VST_FN VecInt operator+(VecInt a, VecInt b) {
  for (int i = 0; i < kLanes; ++i) a.raw[i] = (std::int32_t)((std::uint32_t)a.raw[i] + (std::uint32_t)b.raw[i]);
  return a;
}
VST_FN VecInt operator&(VecInt a, VecInt b) {
  for (int i = 0; i < kLanes; ++i) a.raw[i] &= b.raw[i];
  return a;
}
VST_FN VecInt upper_half(VecInt v) {
  for (int i = 0; i < kLanes; ++i) v.raw[i] = (std::int32_t)((std::uint32_t)v.raw[i] >> 16);
  return v;
}
VST_FN VecInt bits_of(Vec v) {
  VecInt bits;
  memcpy(bits.raw, v.raw, sizeof bits.raw);
  return bits;
}

VST_FN void store_shorts(unsigned short* to, VecInt v) {
  for (int i = 0; i < kLanes; ++i) to[i] = (unsigned short)v.raw[i];
}
VST_FN void store_bytes(unsigned char* to, VecInt v) {
  for (int i = 0; i < kLanes; ++i) to[i] = (unsigned char)v.raw[i];
}
VST_FN Vec load_upper_halves(const unsigned short* p) {
  return lanes([&](int i) { return float_of((unsigned)p[i] << 16); });
}

}  // namespace VST_NAMESPACE
