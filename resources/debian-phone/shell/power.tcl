# Asked by the power key or its icon: off, again, or not.
namespace eval power {
    proc menu {} {
        if {[winfo exists .power]} {
            destroy .power
            return
        }
        keyboard::hide
        set body [page .power Power]
        foreach {text request fill} {"Power off" power-off accent "Restart" restart key "Cancel" "" card} {
            set button [label $body.b$fill -text $text -font [font_of 26 SemiBold] -foreground white \
                -background $::colour($fill)]
            pack $button -fill x -padx [u 24] -pady [u 10] -ipady [u 26]
            bind $button <ButtonRelease-1> [list power::chosen $request]
        }
    }

    proc chosen {request} {
        destroy .power
        if {$request ne ""} {
            ask_root $request
            home::tell [expr {$request eq "restart" ? "Restarting" : "Powering off"}]
        }
    }
}
