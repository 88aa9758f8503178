/** Every member at its default. */
#define POINTCARD_CONFIG_INIT POINTCARD_INIT_(pointcard_config)

/** Opens a client: pointcard_init_abi with the sizes of this header. */
#define pointcard_init(client, config) \
    pointcard_init_abi((client), sizeof *(client), POINTCARD_ABI_VERSION, (config))
