#ifdef __cplusplus
}
#endif

#endif /* POINTCARD_H */
