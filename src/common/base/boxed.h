// Members that few objects of a kind have a value for: eight bytes in all others.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

namespace reeve {

// A value behind a pointer, copied with its owner. Reads as a T() until it is first changed.
template <typename T>
class Boxed {
 public:
  Boxed() = default;
  Boxed(T value) { *this = std::move(value); }  // NOLINT: a value like any other
  Boxed(const Boxed& other)
      : value_(other.value_ == nullptr ? nullptr : std::make_unique<T>(*other.value_)) {}
  Boxed(Boxed&&) noexcept = default;
  Boxed& operator=(Boxed other) noexcept {
    value_ = std::move(other.value_);
    return *this;
  }
  Boxed& operator=(T value) {
    value_ = std::make_unique<T>(std::move(value));
    return *this;
  }
  ~Boxed() = default;

  const T& operator*() const { return value_ == nullptr ? Nothing() : *value_; }
  const T* operator->() const { return &**this; }
  T& Edit() {
    if (value_ == nullptr) value_ = std::make_unique<T>();
    return *value_;
  }
  void Reset() { value_.reset(); }
  bool IsThere() const { return value_ != nullptr; }

 private:
  static const T& Nothing() {
    static const T kNothing;
    return kNothing;
  }

  std::unique_ptr<T> value_;
};

// A vector that is empty in most: takes no memory of its own then.
template <typename T>
class BoxedVector {
 public:
  using value_type = T;
  using Items = std::vector<T>;

  BoxedVector() = default;
  BoxedVector(std::initializer_list<T> items) { *this = Items(items); }
  BoxedVector(Items items) { *this = std::move(items); }  // NOLINT: a vector like any other
  BoxedVector& operator=(Items items) {
    items.empty() ? items_.Reset() : static_cast<void>(items_ = std::move(items));
    return *this;
  }
  operator const Items&() const { return *items_; }  // NOLINT: likewise

  const Items& items() const { return *items_; }
  bool empty() const { return items().empty(); }
  size_t size() const { return items().size(); }
  const T* data() const { return items().data(); }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size(); }
  const T& operator[](size_t i) const { return items()[i]; }
  const T& front() const { return items().front(); }
  const T& back() const { return items().back(); }

  T* begin() { return empty() ? nullptr : items_.Edit().data(); }
  T* end() { return begin() + size(); }
  T& operator[](size_t i) { return items_.Edit()[i]; }
  T& front() { return items_.Edit().front(); }
  T& back() { return items_.Edit().back(); }
  void push_back(T item) { items_.Edit().push_back(std::move(item)); }
  void clear() { items_.Reset(); }
  void erase(const T* item) {
    Items& items = items_.Edit();
    items.erase(items.begin() + (item - items.data()));
    if (items.empty()) clear();
  }
  // How many equal it and are gone.
  size_t Remove(const T& item) {
    if (empty()) return 0;
    const size_t gone = std::erase(items_.Edit(), item);
    if (empty()) clear();
    return gone;
  }

 private:
  Boxed<Items> items_;
};

}  // namespace reeve
