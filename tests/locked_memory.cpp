// A device whose one ability is memory that is locked in place, so that torch can be asked for pinned tensors.
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <c10/core/Allocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <sys/mman.h>
#include <cstdlib>
#include <map>
#include <mutex>

namespace {
std::mutex mutex;
std::map<const char*, size_t> blocks;

void release(void* data) {
  std::lock_guard<std::mutex> guard(mutex);
  munlock(data, blocks[static_cast<char*>(data)]);
  blocks.erase(static_cast<char*>(data));
  std::free(data);
}

struct LockedMemory final : c10::Allocator {
  c10::DataPtr allocate(size_t size) override {
    size_t room = (size / 4096 + 1) * 4096;
    void* data = std::aligned_alloc(4096, room);
    TORCH_CHECK(data != nullptr && mlock(data, room) == 0, "no memory can be locked");
    std::lock_guard<std::mutex> guard(mutex);
    blocks[static_cast<char*>(data)] = room;
    return {data, data, &release, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, size_t size) const override { default_copy_data(to, from, size); }
};
LockedMemory memory;

struct Hooks final : at::PrivateUse1HooksInterface {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  c10::Allocator* getPinnedMemoryAllocator() const override { return &memory; }
  bool isPinnedPtr(const void* data) const override {
    std::lock_guard<std::mutex> guard(mutex);
    auto next = blocks.upper_bound(static_cast<const char*>(data));
    if (next == blocks.begin()) return false;
    --next;
    return static_cast<const char*>(data) < next->first + next->second;
  }
};

struct Registration {
  Registration() { at::RegisterPrivateUse1HooksInterface(new Hooks()); }
} registration;
C10_REGISTER_GUARD_IMPL(PrivateUse1, c10::impl::NoOpDeviceGuardImpl<c10::DeviceType::PrivateUse1>);
}  // namespace
