#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "strict.h"
static double now(void){struct timespec t;clock_gettime(CLOCK_THREAD_CPUTIME_ID,&t);return 1e6*t.tv_sec+t.tv_nsec/1e3;}
int main(int n,char**a){double s[3]={0};int c=0;for(int i=1;i<n;i++){FILE*f=fopen(a[i],"rb");fseek(f,0,SEEK_END);long z=ftell(f);rewind(f);uint8_t*d=malloc(z);if(fread(d,1,z,f)!=(size_t)z)return 1;fclose(f);struct head h;
int g[3]={2,2,1},r[3]={0,8,0};if(head_read(d,z,&h)){for(int m=0;m<3;m++){double b=1e18;for(int k=0;k<6;k++){struct strict_planes p={.gray_scale=g[m],.rgb_scale=r[m]};double t=now();if(strict_decode(d,z,&h,&p))strict_free(&p);t=now()-t;if(t<b)b=t;}s[m]+=b;}c++;}free(d);}
printf("%d gray/2 %.0f  gray/2+rgb/8 %.0f  gray/1 %.0f\n",c,s[0]/c,s[1]/c,s[2]/c);}
