/* Print what is generated from the settings' tables: `settings_manual man` for postern.conf(5),
 * `settings_manual file` for the commented file without anything given. Built with the project,
 * not installed; used by `./do docs` and `./do check docs`. */
#include <stdio.h>

#include "config/document.h"
#include "config/settings.h"

int main(int argc, char **argv)
{
    OWN(buf) struct buf out = {.max = CONFIG_DOCUMENT_MAX};

    if (argc == 2 && strcmp(argv[1], "man") == 0) {
        config_write_manual(&settings_schema, &out);
    } else if (argc == 2 && strcmp(argv[1], "file") == 0) {
        config_write_file(&settings_schema, NULL, 0, &out);
    } else {
        (void)fprintf(stderr, "usage: settings_manual man | file\n");
        return 64;
    }
    return out.full || fwrite(out.ptr, 1, out.len, stdout) != out.len;
}
