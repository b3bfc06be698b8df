/* keeper/smime_watch - reminds of our own certificates that end soon: alarm `smime-certificate-ends`, once a day. */
#pragma once

struct keeper;

/* Look when it is time to; cheap otherwise. For the watch's thread alone. */
void smime_watch(struct keeper *k);
