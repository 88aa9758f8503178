/* What an image costs without the library: link.sh subtracts it. */
int main(void)
{
    return 0;
}
