/* Types that are mentioned before their section comes. */
typedef struct pointcard_client pointcard_client;
typedef struct pointcard_outcome pointcard_outcome;
typedef struct pointcard_limits pointcard_limits;
typedef struct pointcard_event pointcard_event;

/* Structures that begin with struct_size start as { sizeof, zeroes }. */
#ifdef __cplusplus
} /* extern "C" */
template <typename T> inline T pointcard_init_struct()
{
    T value = T();
    value.struct_size = static_cast<uint32_t>(sizeof(T));
    return value;
}
extern "C" {
#define POINTCARD_INIT_(type) pointcard_init_struct<type>()
#else
#define POINTCARD_INIT_(type) { .struct_size = (uint32_t)sizeof(type) }
#endif
