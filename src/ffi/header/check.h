#define POINTCARD_CHECKUP_INIT POINTCARD_INIT_(pointcard_checkup)

/** Checks a configuration: pointcard_check_abi with the sizes of this header. */
#define pointcard_check(client, config, flags, user_id, checkup) \
    pointcard_check_abi((client), sizeof *(client), POINTCARD_ABI_VERSION, (config), (flags), \
                        (user_id), (checkup))
