/* house_testing.h - one house for each test of a file, set up and torn down by cmocka. */
#ifndef TRP_HOUSE_TESTING_H
#define TRP_HOUSE_TESTING_H

#include "component_testing.h"

static UNUSED struct house house;

static UNUSED int open_threads(void **state)
{
    (void)state;
    house_open(&house, false);
    return 0;
}

static UNUSED int open_simulation(void **state)
{
    (void)state;
    house_open(&house, true);
    return 0;
}

static UNUSED int open_driven(void **state)
{
    (void)state;
    house_open_driven(&house);
    return 0;
}

static UNUSED int close_house(void **state)
{
    (void)state;
    house_close(&house);
    return 0;
}

#endif
